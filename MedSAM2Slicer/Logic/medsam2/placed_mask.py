"""A mask on part of a slice: how answers travel and are kept, since objects cover little of a slice."""

from dataclasses import dataclass

import numpy as np


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
        """Whether the voxel at a place of a slice of ``shape`` belongs to the mask."""
        # A click on the slice's last rim rounds beyond it.
        row, column = min(round(row), shape[0] - 1) - self.row, min(round(column), shape[1] - 1) - self.column
        height, width = self.mask.shape
        return 0 <= row < height and 0 <= column < width and bool(self.mask[row, column])


def crop_to_content(mask: np.ndarray) -> tuple[int, int, np.ndarray]:
    """First row, first column and a copy of the smallest part of a mask that holds all it covers."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0, 0, np.zeros((0, 0), bool)
    part = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return int(rows[0]), int(columns[0]), part.copy()
