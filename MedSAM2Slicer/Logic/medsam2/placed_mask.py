"""A mask on part of a slice: how answers travel and are kept, since objects cover little of a slice."""

from dataclasses import dataclass

import numpy as np

from medsam2.slice_grid import voxel_within


@dataclass(frozen=True, eq=False)
class PlacedMask:
    """One object on one slice.

    Attributes:
        object_id, slice_index: which object, where.
        row, column: first voxel of ``mask`` in the slice.
        mask: (h, w) bool, cropped to the object; (0, 0) where it is absent.
    """

    object_id: str
    slice_index: int
    row: int
    column: int
    mask: np.ndarray

    def full(self, shape: tuple[int, int]) -> np.ndarray:
        """The mask on the whole slice, (rows, columns) bool."""
        out = np.zeros(shape, bool)
        height, width = self.mask.shape
        out[self.row : self.row + height, self.column : self.column + width] = self.mask
        return out

    def covers(self, row: float, column: float, shape: tuple[int, int]) -> bool:
        """Whether the voxel at a position of a slice of ``shape`` belongs to the mask."""
        here = voxel_within(row, shape[0]) - self.row, voxel_within(column, shape[1]) - self.column
        is_inside = all(0 <= place < length for place, length in zip(here, self.mask.shape, strict=True))
        return is_inside and bool(self.mask[here])


def crop_to_content(mask: np.ndarray) -> tuple[int, int, np.ndarray]:
    """First row, first column and a copy of the smallest part of a mask that holds all it covers."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0, 0, np.zeros((0, 0), bool)
    part = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return int(rows[0]), int(columns[0]), part.copy()
