"""Tracking: a volume as a video, or a set of images as one."""

from .memory_bank import TemporalMemory
from .prompts import Prompt
from .self_sorting import SelfSortingMemory
from .slice_mask import SliceMask
from .slices import ImageSet, VolumeSlices
from .tracker import Tracker
from .view import View
from .volume_masks import VolumeMasks

__all__ = [
    "ImageSet",
    "Prompt",
    "SelfSortingMemory",
    "SliceMask",
    "TemporalMemory",
    "Tracker",
    "View",
    "VolumeMasks",
    "VolumeSlices",
]
