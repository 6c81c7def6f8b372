"""Nodes for tests: volumes, segmentations, transforms, from numpy arrays."""

import itertools

import numpy as np
import slicer
import slicer.util
import vtk
from vtk.util.numpy_support import vtk_to_numpy

# Told apart by people who see no red or no green, too.
COLORS = ((0.90, 0.62, 0.0), (0.34, 0.71, 0.91), (0.0, 0.62, 0.45), (0.80, 0.47, 0.65))


def makeVolume(voxels, ijkToRas=None, name: str = "volume"):
    """A scalar volume of voxels (k, j, i); ``ijkToRas`` is a 4 x 4 matrix, mm, LPS-like by default."""
    matrix = np.diag([-1.0, -1.0, 1.0, 1.0]) if ijkToRas is None else np.asarray(ijkToRas, float)
    node = slicer.util.addVolumeFromArray(np.ascontiguousarray(voxels), ijkToRAS=matrix, name=name)
    node.CreateDefaultDisplayNodes()
    return node


def makeSegmentation(volumeNode=None, segments=("segment",), name: str = "segmentation"):
    """A segmentation with empty segments, with a volume's geometry where one is given."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    if volumeNode is not None:
        node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    for each, color in zip(segments, itertools.cycle(COLORS), strict=False):
        node.GetSegmentation().AddEmptySegment(each, each, color)
    return node


def makeTransform(matrix, name: str = "transform"):
    """A linear transform to parent, from a 4 x 4 matrix."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.asarray(matrix, float)))
    return node


def rotation(degrees: float, axis: str, centre=(0, 0, 0)) -> np.ndarray:
    """A 4 x 4 matrix that turns about R, A or S through a point."""
    transform = vtk.vtkTransform()
    transform.Translate(*centre)
    transform.RotateWXYZ(degrees, *np.eye(3)["RAS".index(axis)])
    transform.Translate(*(-each for each in centre))
    return slicer.util.arrayFromVTKMatrix(transform.GetMatrix())


def rasOf(volumeNode, ijk) -> np.ndarray:
    """World position of a voxel's centre, parent transforms included, mm."""
    toRas, toWorld = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(toRas)
    parent = volumeNode.GetParentTransformNode()
    if parent is not None:
        parent.GetMatrixTransformToWorld(toWorld)
    return np.array(toWorld.MultiplyPoint(toRas.MultiplyPoint((*(float(each) for each in ijk), 1.0)))[:3])


def voxelsOf(segmentationNode, segmentID: str, volumeNode) -> np.ndarray:
    """The segment on the volume's grid: booleans (k, j, i)."""
    found = slicer.util.arrayFromSegmentBinaryLabelmap(segmentationNode, segmentID, volumeNode)
    return found > 0


def makeLabelmap(mask, like):
    """A labelmap (k, j, i) on the grid of another oriented image, starting at that image's first voxel."""
    mask = np.asarray(mask)
    image = slicer.vtkOrientedImageData()
    image.DeepCopy(like)
    first = like.GetExtent()[0::2]
    last = [begin + size - 1 for begin, size in zip(first, mask.shape[::-1], strict=True)]
    image.SetExtent(*(each for pair in zip(first, last, strict=True) for each in pair))
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    vtk_to_numpy(image.GetPointData().GetScalars())[:] = mask.ravel()
    return image
