"""Gathers the masks of slices into masks of the whole volume."""

import numpy as np

from medsam2.placed_mask import PlacedMask
from medsam2.volume.slices import VolumeSlices


class VolumeMasks:
    """Masks (k, j, i) by object, filled slice by slice as tracking yields them."""

    def __init__(self, slices: VolumeSlices):
        self._slices = slices
        self._masks: dict[str, np.ndarray] = {}

    def put(self, mask: PlacedMask) -> None:
        """Write one slice, in place of what it held."""
        volume = self[mask.object_id]
        slice_first = np.moveaxis(volume, self._slices.axis_index, 0)
        slice_first[mask.slice_index] = mask.full(slice_first.shape[1:])

    def __getitem__(self, object_id: str) -> np.ndarray:
        """The mask of an object, (k, j, i) bool; empty for one that was never seen."""
        return self._masks.setdefault(object_id, np.zeros(self._slices.volume.voxels.shape, bool))
