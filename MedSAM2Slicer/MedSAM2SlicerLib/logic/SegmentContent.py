"""A segment's own voxels on a grid, slice by slice."""

from dataclasses import dataclass

import numpy as np

from medsam2.placed_mask import PlacedMask
from medsam2.slice_grid import AXES, Axis


@dataclass(frozen=True, eq=False)
class SegmentContent:
    """What a segment has on a grid.

    Attributes:
        labels: the part of the grid (k, j, i) that its labelmap covers; other segments may share it.
        first: indices (k, j, i) on the grid of that part's first voxel.
        label: the segment's own.
    """

    labels: np.ndarray
    first: tuple[int, int, int]
    label: int

    def mask(self, axis: Axis, index: int) -> PlacedMask:
        """Its voxels on a slice along an axis."""
        dimension = AXES.index(axis)
        inside = index - self.first[dimension]
        if not 0 <= inside < self.labels.shape[dimension]:
            return PlacedMask(0, 0, 0, 0, b"")
        row, column = np.delete(self.first, dimension)
        return PlacedMask.cropped(self.labels.take(inside, dimension) == self.label, row, column)

    def planes(self, axis: Axis, first: int, count: int) -> tuple[np.ndarray, int, int]:
        """Its voxels on consecutive slices along an axis.

        Returns:
            planes (count, h, w) bool, and the row and column of their first voxel.
        """
        dimension = AXES.index(axis)
        labels = np.moveaxis(self.labels, dimension, 0)
        planes = np.zeros((count, *labels.shape[1:]), bool)
        skipped = max(self.first[dimension] - first, 0)
        part = labels[max(first - self.first[dimension], 0) :][: max(count - skipped, 0)]
        planes[skipped : skipped + len(part)] = part == self.label
        row, column = np.delete(self.first, dimension).tolist()
        return planes, row, column

    def slices(self, axis: Axis) -> list[int]:
        """The slices along an axis on which it has voxels, in order."""
        dimension = AXES.index(axis)
        has = np.zeros(self.labels.shape[dimension], bool)
        for k, plane in enumerate(self.labels):  # plane by plane, as together they may be large
            inside = plane == self.label
            if dimension == 0:
                has[k] = inside.any()
            else:
                has |= inside.any(axis=2 - dimension)
        return (np.flatnonzero(has) + self.first[dimension]).tolist()
