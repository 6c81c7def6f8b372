"""The grid on which the network works: the segmentation's own, onto which the source volume is brought.

All geometry of the effect is here, and it goes through matrices only, so that flipped, oblique and
transformed volumes are ordinary. Masks come back on the grid that they are written on: nothing is
resampled twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _
from vtk.util import numpy_support

from medsam2.orientations import other_axes
from medsam2.slice_grid import AXES, nearest_voxel, nearest_voxels

from ..SlicerTypes import Labelmap, MRMLNode
from .SegmentContent import SegmentContent
from .SourceVoxels import asArray

if TYPE_CHECKING:
    from medsam2.slice_grid import Axis

LATTICE_TOLERANCE = 0.1
"""Voxels by which a labelmap may lie beside the grid's lattice and count as on it."""


class GridError(Exception):
    """The volume cannot be used; the message says what to do."""


@dataclass(frozen=True)
class SlicePosition:
    """A point on a slice along an axis, in indices of the grid's array; it may lie between voxels."""

    axis: "Axis"
    sliceIndex: int
    row: float
    column: float


class SegmentationGrid:
    """Geometry of a segmentation.

    Args:
        image: the segmentation's reference geometry (``vtkOrientedImageData``); voxels are not looked at.
        segmentationNode: whose parent transform places the grid in the world.

    Raises:
        GridError: a transform is not linear.
    """

    def __init__(self, image: Labelmap, segmentationNode: MRMLNode):
        self.image = image
        self._node = segmentationNode
        self._toWorld = _worldMatrix(segmentationNode) @ _imageMatrix(image)
        self._fromWorld = np.linalg.inv(self._toWorld)
        self._kept: tuple[tuple, Labelmap] | None = None
        self._first = np.array(image.GetExtent()[0::2])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along (k, j, i)."""
        i, j, k = self.image.GetDimensions()
        return k, j, i

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres between voxels along (k, j, i)."""
        i, j, k = np.linalg.norm(self._toWorld[:3, :3], axis=0).tolist()
        return k, j, i

    def content(self, segmentId: str) -> SegmentContent:
        """A segment's own voxels; without a copy, unless its labelmap has another lattice than the grid."""
        segment = self._node.GetSegmentation().GetSegment(segmentId)
        labelmap = None if segment is None else segment.GetRepresentation("Binary labelmap")
        if labelmap is None or not labelmap.GetNumberOfPoints():
            return SegmentContent(np.zeros((0, 0, 0), np.uint8), (0, 0, 0), 1)
        offset = self._offsetOf(labelmap)
        if offset is None:
            labelmap, offset = self._resampled(labelmap), np.zeros(3, int)
        first = np.array(labelmap.GetExtent()[0::2])[::-1] + offset - self._first[::-1]
        labels = asArray(labelmap)
        low = np.maximum(-first, 0)
        high = np.maximum(np.minimum(self.shape - first, labels.shape), low)
        part = labels[tuple(slice(*ends) for ends in zip(low, high, strict=True))]
        k, j, i = (int(index) for index in first + low)
        return SegmentContent(part, (k, j, i), segment.GetLabelValue())

    def _offsetOf(self, labelmap: Labelmap) -> np.ndarray | None:
        """What to add to a labelmap's indices (k, j, i) to have the image's; None where lattices differ."""
        toImage = np.linalg.inv(_imageMatrix(self.image)) @ _imageMatrix(labelmap)
        offset = np.round(toImage[:3, 3])
        toImage[:3, 3] -= offset
        size = max(labelmap.GetDimensions())
        isSame = np.abs(toImage - np.eye(4)).max() * size < LATTICE_TOLERANCE
        return offset[::-1].astype(int) if isSame else None

    def _resampled(self, labelmap: Labelmap) -> Labelmap:
        """A labelmap with labels on the grid; the last one is kept, as slices are read one by one."""
        key = (labelmap, labelmap.GetMTime())
        if self._kept is None or self._kept[0] != key:
            aligned = slicer.vtkOrientedImageData()
            slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
                labelmap, self._frame(tuple(slice(0, length) for length in self.shape)), aligned
            )
            self._kept = key, aligned
        return self._kept[1]

    def mask(self, segmentId: str) -> np.ndarray:
        """The voxels that a segment has, (k, j, i) bool."""
        planes, row, column = self.content(segmentId).planes("k", 0, self.shape[0])
        mask = np.zeros(self.shape, bool)
        mask[:, row : row + planes.shape[1], column : column + planes.shape[2]] = planes
        return mask

    def axisOf(self, normal: Sequence[float]) -> "Axis":
        """The axis of the array that is nearest to a direction in world RAS."""
        directions = self._toWorld[:3, :3] / np.linalg.norm(self._toWorld[:3, :3], axis=0)
        return AXES[::-1][int(np.abs(directions.T @ np.asarray(normal, float)).argmax())]

    def towards(self, axis: "Axis") -> str:
        """R, L, A, P, S or I: the side of the patient nearest to where slices are counted to."""
        direction = self._toWorld[:3, 2 - AXES.index(axis)]
        nearest = int(np.abs(direction).argmax())
        return ("LPI", "RAS")[int(direction[nearest] > 0)][nearest]

    def coarse(self, axis: "Axis") -> list[str]:
        """Planes, besides that of the slices along an axis, in which nothing can be tracked, in words."""
        return [_planes()[self.towards(each.axis)] for each in other_axes(self.shape, self.spacing, axis)[1]]

    def position(self, ras: Sequence[float], axis: "Axis") -> SlicePosition | None:
        """Where a point in world RAS lies on the slices along an axis; None outside the grid."""
        voxel = nearest_voxels(self.indices(ras))
        return self.onSlice(ras, axis) if ((voxel >= 0) & (voxel < self.shape)).all() else None

    def onSlice(self, ras: Sequence[float], axis: "Axis") -> SlicePosition | None:
        """Like ``position``, but the point may lie beside the slice; None where there is no slice at all."""
        kji, dimension = self.indices(ras), AXES.index(axis)
        index = nearest_voxel(kji[dimension])
        row, column = np.delete(kji, dimension)
        return (
            SlicePosition(axis, index, float(row), float(column))
            if 0 <= index < self.shape[dimension]
            else None
        )

    def ras(self, position: SlicePosition) -> tuple[float, float, float]:
        """World RAS of a position."""
        kji = np.insert([position.row, position.column], AXES.index(position.axis), position.sliceIndex)
        right, anterior, superior = self.world(kji).tolist()
        return right, anterior, superior

    def world(self, kji: np.ndarray) -> np.ndarray:
        """World RAS (..., 3) of array indices (..., (k, j, i))."""
        return (kji[..., ::-1] + self._first) @ self._toWorld[:3, :3].T + self._toWorld[:3, 3]

    def indices(self, ras: "Sequence[float] | np.ndarray") -> np.ndarray:
        """Array indices (..., (k, j, i)), floats, of points (..., 3) in world RAS."""
        ijk = np.asarray(ras, float) @ self._fromWorld[:3, :3].T + self._fromWorld[:3, 3] - self._first
        return ijk[..., ::-1]

    def slab(self, axis: "Axis", first: int, planes: np.ndarray, row: int = 0, column: int = 0) -> Labelmap:
        """Consecutive slices as a labelmap on the grid's lattice (``vtkOrientedImageData``).

        Args:
            axis, first: along which axis, and the first slice.
            planes: (slices, h, w) bool; the first voxel lies at ``row``, ``column`` of the slice.
        """
        block = np.moveaxis(np.asarray(planes, np.uint8), 0, AXES.index(axis))
        start = np.insert([row, column], AXES.index(axis), first).tolist()
        part = tuple(slice(low, low + length) for low, length in zip(start, block.shape, strict=True))
        labelmap = self._frame(part)
        scalars = numpy_support.numpy_to_vtk(
            np.ascontiguousarray(block).ravel(), deep=True, array_type=vtk.VTK_UNSIGNED_CHAR
        )
        labelmap.GetPointData().SetScalars(scalars)
        return labelmap

    def _frame(self, part: tuple[slice, ...]) -> Labelmap:
        """A labelmap that covers a part of the array (k, j, i), without voxels yet."""
        labelmap = slicer.vtkOrientedImageData()
        ends = [
            (each.start + low, each.stop - 1 + low) for each, low in zip(part[::-1], self._first, strict=True)
        ]
        labelmap.SetExtent(*(int(value) for pair in ends for value in pair))
        labelmap.CopyDirections(self.image)
        labelmap.SetSpacing(self.image.GetSpacing())
        labelmap.SetOrigin(self.image.GetOrigin())
        return labelmap


def _planes() -> dict[str, str]:
    """By the side of the patient that their slices are counted to."""
    sagittal, coronal, axial = _("sagittal slices"), _("coronal slices"), _("axial slices")
    return dict(zip("RLAPSI", (sagittal, sagittal, coronal, coronal, axial, axial), strict=True))


def _imageMatrix(image: Labelmap) -> np.ndarray:
    """Array indices (i, j, k, as counted by the extent) to the segmentation's own RAS, 4 x 4."""
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def _worldMatrix(node: MRMLNode) -> np.ndarray:
    """A node's own RAS to world RAS, 4 x 4."""
    transform = node.GetParentTransformNode()
    matrix = vtk.vtkMatrix4x4()
    if transform is not None and not transform.GetMatrixTransformToWorld(matrix):
        raise GridError(
            _("The segmentation is under a non-linear transform: harden it first (Transforms module).")
        )
    return slicer.util.arrayFromVTKMatrix(matrix)
