"""Positions on the grid of a slice, and the voxels that they belong to: one rule, for Slicer's side too."""

import numpy as np
from numpy.typing import ArrayLike

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


def voxel_within(position: float, count: int) -> int:
    """The nearest of ``count`` voxels in a row: also on the far rim, which is in no cell, and beyond."""
    return min(max(nearest_voxel(position), 0), count - 1)


def is_within(position: float, count: int) -> bool:
    """Whether a position lies on ``count`` voxels in a row, both rims included."""
    return -_HALF <= position <= count - 1 + _HALF
