"""The frames that tracking runs through: the slices of a volume, or unrelated images."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from medsam2.errors import InputError
from medsam2.placed_mask import PlacedMask
from medsam2.slice_grid import AXES, SliceGrid, nearest_voxel
from medsam2.volume.geometry import axis_index
from medsam2.volume.volume import Volume, check_axis
from medsam2.volume.window import Window, choose_window


class Slices(Protocol):
    """Images in an order. Windowed one at a time, so that no volume is ever held as float."""

    count: int

    def grid(self, index: int) -> SliceGrid:
        """The voxels of one image."""

    def pixels(self, index: int) -> np.ndarray:
        """One image, float32 in [0, 1]: (rows, columns) grey, or (rows, columns, 3) colour."""


class VolumeSlices:
    """The slices of a volume along one of its axes.

    Args:
        volume: voxels (k, j, i) in their stored type.
        axis: ``"k"``, ``"j"`` or ``"i"``; rows and columns are the other two, in array order.
        window: intensities shown as black to white; chosen from the volume when not given.

    Raises:
        InputError: the axis is unknown, or the image is a single slice seen from its side.
    """

    def __init__(self, volume: Volume, axis: str = "k", window: Window | None = None):
        check_axis(volume, axis)
        self.volume = volume
        self.axis_index = axis_index(axis)
        self.axis = AXES[self.axis_index]
        self.window = window or choose_window(volume)
        self.count = volume.slice_count(axis)

    def grid(self, index: int) -> SliceGrid:
        """The voxels of a slice, the same for every one."""
        rows, columns = self.volume.slice(self.axis, index).shape
        return SliceGrid((rows, columns), self.volume.slice_spacing(self.axis))

    def pixels(self, index: int) -> np.ndarray:
        """One windowed slice, (rows, columns) float32 in [0, 1]."""
        return self.window.apply(self.volume.slice(self.axis, index))

    def position(self, kji: np.ndarray) -> tuple[int, float, float]:
        """Slice, row and column of a voxel index (k, j, i), which may lie between voxels."""
        row, column = np.delete(kji, self.axis_index)
        return nearest_voxel(kji[self.axis_index]), float(row), float(column)


class ImageSet:
    """Unrelated images as a pseudo-video (MedSAM-2, section 3.3: One-Prompt segmentation).

    Args:
        images: in [0, 1], (rows, columns) grey or (rows, columns, 3) colour each; sizes may differ.
    """

    def __init__(self, images: Sequence[np.ndarray]):
        if not images:
            raise InputError("The image set is empty: give at least one image.")
        self._images = images
        self.count = len(images)

    def grid(self, index: int) -> SliceGrid:
        """The voxels of one image, 1 mm each."""
        rows, columns = self._images[index].shape[:2]
        return SliceGrid((rows, columns), (1.0, 1.0))

    def pixels(self, index: int) -> np.ndarray:
        """One image, float32 in [0, 1]: (rows, columns) grey, or (rows, columns, 3) colour."""
        return np.asarray(self._images[index], dtype=np.float32)


class ObjectMask(Protocol):
    """An object's mask on one slice, from the tracker or over the protocol."""

    @property
    def object_id(self) -> str:
        """Which object."""

    @property
    def slice_index(self) -> int:
        """Where."""

    @property
    def mask(self) -> PlacedMask:
        """On that slice."""


class VolumeMasks:
    """Masks (k, j, i) by object, filled slice by slice as tracking yields them."""

    def __init__(self, slices: VolumeSlices):
        self._slices = slices
        self._masks: dict[str, np.ndarray] = {}

    def put(self, answer: ObjectMask) -> None:
        """Write one slice, in place of what it held."""
        volume = self[answer.object_id]
        slice_first = np.moveaxis(volume, self._slices.axis_index, 0)
        slice_first[answer.slice_index] = answer.mask.full(slice_first.shape[1:])

    def __getitem__(self, object_id: str) -> np.ndarray:
        """The mask of an object, (k, j, i) bool; empty for one that was never seen."""
        return self._masks.setdefault(object_id, np.zeros(self._slices.volume.voxels.shape, bool))
