"""Tracking: a volume as a video, or a set of images as one."""

from .field_of_view import FieldOfView
from .image_set_tracker import ImageSetTracker, SetAnswer, check_remembers
from .memory_bank import TemporalMemory
from .orientations import OrientedPropagation
from .self_sorting import SelfSortingMemory
from .slice_mask import SliceMask
from .tracker import MEMORIES, Tracker

__all__ = [
    "MEMORIES",
    "FieldOfView",
    "ImageSetTracker",
    "OrientedPropagation",
    "SelfSortingMemory",
    "SetAnswer",
    "SliceMask",
    "TemporalMemory",
    "Tracker",
    "check_remembers",
]
