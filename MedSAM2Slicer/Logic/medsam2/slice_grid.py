"""Positions on the grid of a slice, and the voxels that they belong to: one rule, for Slicer's side too."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

Axis = Literal["k", "j", "i"]
"""Of a volume's array: slices lie along one."""
AXES: tuple[Axis, ...] = ("k", "j", "i")
_HALF = 0.5 + 1e-6
"""Half a voxel, and what two programs that compute the same position may differ by."""


def nearest_voxels(positions: ArrayLike) -> np.ndarray:
    """Voxels in whose cells positions lie: whole numbers, as floats.

    Voxel centres are at whole numbers, and a cell reaches half a voxel below its centre and up to half a
    voxel above it. So each position lies in one cell, and as many cells as there are voxels make the grid,
    which rounding halves to even numbers would not give. A position that is below a border by no more than
    the last digits of a product of matrices counts as on it, or Slicer and the command would disagree there.
    """
    return np.floor(np.asarray(positions, np.float64) + _HALF)


def nearest_voxel(position: float) -> int:
    """As ``nearest_voxels``, for one position along one axis."""
    return int(nearest_voxels(position))


@dataclass(frozen=True)
class SliceGrid:
    """The voxels of a slice.

    Attributes:
        shape: rows and columns.
        spacing: millimetres between rows and between columns.
    """

    shape: tuple[int, int]
    spacing: tuple[float, float]

    @property
    def side(self) -> float:
        """The longer side in millimetres."""
        return max(length * step for length, step in zip(self.shape, self.spacing, strict=True))

    def contains(self, row: float, column: float) -> bool:
        """Whether a position lies on the slice, all its rims included."""
        positions = zip((row, column), self.shape, strict=True)
        return all(-_HALF <= position <= count - 1 + _HALF for position, count in positions)

    def voxel(self, row: float, column: float) -> tuple[int, int]:
        """Row and column of the nearest voxel: also on the far rim, which is in no cell, and beyond."""
        rows, columns = self.shape
        return _clamped(nearest_voxel(row), rows), _clamped(nearest_voxel(column), columns)


def _clamped(voxel: int, count: int) -> int:
    return min(max(voxel, 0), count - 1)
