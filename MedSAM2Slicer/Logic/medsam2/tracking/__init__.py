"""Tracking: a volume as a video, or a set of images as one."""

from .memory_bank import TemporalMemory
from .self_sorting import SelfSortingMemory
from .slice_mask import SliceMask
from .tracker import Tracker
from .view import View

__all__ = [
    "SelfSortingMemory",
    "SliceMask",
    "TemporalMemory",
    "Tracker",
    "View",
]
