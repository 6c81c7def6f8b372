"""Seeds as the backend takes them: voxels of slices, in the segmentation's grid."""

import numpy as np
import slicer

from .Requests import SlicePrompt
from .Seeds import BOX, PAINTED, POINT_POSITIVE, Seed
from .SegmentationGrid import SegmentationGrid


class SeedPrompts:
    """Turns seeds of one segmentation into prompts.

    Args:
        grid: where seeds lie.
        segmentationNode: whose segments carry the seeds, and what is painted.
    """

    def __init__(self, grid: SegmentationGrid, segmentationNode):
        self._grid = grid
        self._node = segmentationNode

    def sliceOf(self, seed: Seed) -> tuple[str, int] | None:
        """Axis and slice of a seed; None where it lies outside the grid."""
        axis = self._grid.axisOf(seed.normal)
        place = self._grid.place(seed.ras, axis)
        return None if place is None else (axis, place.sliceIndex)

    def bySlice(self, seeds: list[Seed]) -> dict[tuple[str, int], list[Seed]]:
        """Seeds by axis and slice, those outside the grid left out."""
        slices: dict[tuple[str, int], list[Seed]] = {}
        for seed in seeds:
            where = self.sliceOf(seed)
            if where is not None:
                slices.setdefault(where, []).append(seed)
        return slices

    def lastSlice(self, seeds: list[Seed]) -> tuple[str, int] | None:
        """Axis and slice of the seed that was placed last; None without seeds."""
        places = [where for seed in seeds if (where := self.sliceOf(seed)) is not None]
        return places[-1] if places else None

    def promptOf(self, segmentId: str, where: tuple[str, int], seeds: list[Seed], view=None) -> SlicePrompt:
        """All that the seeds of one slice say; a painted slice says all by itself."""
        axis, index = where
        points, box = [], None
        for seed in seeds:
            if seed.kind == PAINTED:
                mask = self.painted(segmentId, axis, index)
                return SlicePrompt(segmentId, axis, index, mask=mask, view=view)
            place = self._grid.place(seed.ras, axis)
            if seed.kind == BOX:
                corner = self._grid.place(seed.corner, axis)
                box = (place.row, place.column, corner.row, corner.column)
            else:
                points.append((place.row, place.column, seed.kind == POINT_POSITIVE))
        return SlicePrompt(segmentId, axis, index, tuple(points), box, view=view)

    def painted(self, segmentId: str, axis: str, index: int) -> np.ndarray:
        """A segment's own content on a slice, (rows, columns) bool."""
        labelmap = slicer.vtkOrientedImageData()
        self._node.GetBinaryLabelmapRepresentation(segmentId, labelmap)
        aligned = slicer.vtkOrientedImageData()
        slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
            labelmap, self._grid.image, aligned
        )
        voxels = SegmentationGrid(aligned, self._node).voxels()
        return voxels.take(index, "kji".index(axis)) > 0
