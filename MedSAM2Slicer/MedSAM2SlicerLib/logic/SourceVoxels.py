"""The source volume's voxels as they are sent: on the segmentation's grid, and in memory of their own."""

from collections.abc import Callable

import numpy as np
import slicer
import vtk
from vtk.util import numpy_support

from ..SlicerTypes import Labelmap, MRMLNode

STEP_BYTES = 2**22


class SourceVoxels:
    """Copied a little at a time, before they are needed, where the volume lies on the grid itself.

    Else, or if they are needed at once, all at once: that holds Slicer for long where the volume is large.
    Of colours it is the brightness, as of pictures that ``medsam2 segment`` reads; off the grid, the first of
    them, as the editor has it.

    Args:
        volume: the source volume.
        segmentation: the segmentation's node.
        reference: the grid, without voxels.
        aligned: has the editor bring the volume onto the grid.
    """

    def __init__(
        self, volume: MRMLNode, segmentation: MRMLNode, reference: Labelmap, aligned: Callable[[], Labelmap]
    ):
        self._aligned = aligned
        self._source = self._colours = None
        if _liesOn(volume, segmentation, reference):
            image = volume.GetImageData()
            isGrey = image.GetNumberOfScalarComponents() == 1
            self._source, self._colours = (asArray(image), None) if isGrey else (None, _colours(image))
        self._array = None if self._source is None else np.empty_like(self._source)
        self._copied = 0

    def copySome(self) -> bool:
        """Copy a few slices; returns whether there is more to copy."""
        if self._source is None or self._array is None:
            return False
        first = self._copied
        self._copied += max(STEP_BYTES // self._source[0].nbytes, 1)
        self._array[first : self._copied] = self._source[first : self._copied]
        return self._copied < len(self._source)

    def array(self) -> np.ndarray:
        """All voxels (k, j, i). They do not change: when the volume does, others are made."""
        while self.copySome():
            pass
        if self._array is None and self._colours is not None:
            from medsam2.volume.intensities import luminance  # at first use: its package takes long to load

            self._array = luminance(self._colours)
        if self._array is None:
            # Without another copy: the editor aligns a changed volume into new memory, as this is in use.
            self._array = asArray(self._aligned())
        return self._array


def broughtOnto(reference: Labelmap, volume: MRMLNode, toReference: vtk.vtkAbstractTransform) -> np.ndarray:
    """The voxels (k, j, i) of any volume on a grid, as the editor brings the source volume onto it.

    Args:
        reference: the grid, without voxels.
        toReference: from the volume's coordinates to the grid's.
    """
    extract = vtk.vtkImageExtractComponents()  # of colours the editor takes the first, too
    extract.SetInputData(volume.GetImageData())
    extract.Update()
    image, aligned = slicer.vtkOrientedImageData(), slicer.vtkOrientedImageData()
    image.ShallowCopy(extract.GetOutput())
    image.SetGeometryFromImageToWorldMatrix(ijkToRas(volume))
    background = volume.GetImageBackgroundScalarComponentAsDouble(0)
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
        image, reference, aligned, True, False, toReference, background
    )
    return asArray(aligned)


def ijkToRas(volume: MRMLNode) -> vtk.vtkMatrix4x4:
    """From a volume's voxel indices to RAS, without its parent transform."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return matrix


def asArray(image: Labelmap) -> np.ndarray:
    """The voxels (k, j, i) of an image, without a copy."""
    scalars = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())
    return scalars.reshape(image.GetDimensions()[::-1])


def _colours(image: Labelmap) -> np.ndarray | None:
    """Red, green, blue, and alpha if there is one: (k, j, i, component); None of other numbers."""
    scalars = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())
    isColour = scalars.shape[1] in (3, 4) and scalars.dtype.kind == "u"
    return scalars.reshape(*image.GetDimensions()[::-1], scalars.shape[1]) if isColour else None


def _liesOn(volume: MRMLNode, segmentation: MRMLNode, reference: Labelmap) -> bool:
    """Whether a volume's voxels are those of the grid, one by one."""
    image = volume.GetImageData()
    if image.GetExtent() != reference.GetExtent():
        return False
    frame = slicer.vtkOrientedImageData()
    frame.SetGeometryFromImageToWorldMatrix(ijkToRas(volume))
    isSame = slicer.vtkOrientedImageDataResample.DoGeometriesMatch(frame, reference)
    return isSame and volume.GetParentTransformNode() is segmentation.GetParentTransformNode()
