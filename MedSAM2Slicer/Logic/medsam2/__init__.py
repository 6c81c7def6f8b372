"""MedSAM-2 for volumes: a click on one slice becomes a mask through all of them.

The names below are the public interface; they are loaded when first used, so that programs which only
read volumes do not wait for torch.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "ImageSet": "medsam2.volume",
    "InputError": "medsam2.errors",
    "PlacedMask": "medsam2.placed_mask",
    "Prompt": "medsam2.prompt",
    "Segment": "medsam2.volume",
    "SelfSortingMemory": "medsam2.tracking",
    "SliceMask": "medsam2.tracking",
    "TemporalMemory": "medsam2.tracking",
    "Tracker": "medsam2.tracking",
    "Volume": "medsam2.volume",
    "VolumeMasks": "medsam2.volume",
    "VolumeSlices": "medsam2.volume",
    "load_model": "medsam2.weights.loading",
    "write_labelmap": "medsam2.volume",
    "write_segmentation": "medsam2.volume",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'medsam2' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)
