"""Slicer itself opens the segmentation files and finds what was written."""

import numpy as np
import pytest
import SimpleITK

from medsam2.volume import Geometry, Segment, read_segments, write_segmentation

pytest.importorskip("slicer.util", reason="needs the package slicer-core")
slicer = pytest.importorskip("slicer")
vtk = pytest.importorskip("vtk")
numpy_support = pytest.importorskip("vtk.util.numpy_support")

SHAPE = (4, 5, 6)
HALF, ROOT = 0.5, np.sqrt(3) / 2
MATRICES = {
    "LPS": [[-0.5, 0, 0, -10], [0, -0.75, 0, 20], [0, 0, 2, 30], [0, 0, 0, 1]],
    "flipped": [[0, 0.75, 0, -10], [0.5, 0, 0, 20], [0, 0, -2, 30], [0, 0, 0, 1]],
    "oblique": [
        [0.5, 0, 0, -10],
        [0, 0.75 * ROOT, -2 * HALF, 20],
        [0, 0.75 * HALF, 2 * ROOT, 30],
        [0, 0, 0, 1],
    ],
}
COLORS = [(1, 0.5, 0.25), (0, 0.123456, 1), (0, 0, 0), (1, 1, 1)]


@pytest.fixture
def scene():
    scene = slicer.vtkMRMLScene()
    slicer.vtkSlicerApplicationLogic().SetMRMLScene(scene)
    slicer.vtkSlicerSegmentationsModuleLogic().SetMRMLScene(scene)
    return scene


def opened(scene, path):
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(path))
    scene.AddNode(storage)
    assert storage.ReadData(node)
    return node


def voxels_and_matrix(node, segment_id):
    labelmap = slicer.vtkOrientedImageData()
    assert node.GetBinaryLabelmapRepresentation(segment_id, labelmap)
    matrix = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(matrix)
    voxels = numpy_support.vtk_to_numpy(labelmap.GetPointData().GetScalars())
    corners = [[matrix.GetElement(row, column) for column in range(4)] for row in range(4)]
    return voxels.reshape(labelmap.GetDimensions()[::-1]) > 0, corners


def masks(layers: int) -> np.ndarray:
    """Four masks that need one to four layers, and voxels that differ along every axis."""
    noise = np.random.default_rng(0).integers(0, 4, SHAPE)
    masks = np.array([noise == number for number in range(4)])
    masks[:layers, 0, 0, 0] = True
    masks[layers:, 0, 0, 0] = False
    return masks


@pytest.mark.parametrize("grid", MATRICES)
@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_slicer_finds_names_colours_geometry_and_voxels(scene, tmp_path, grid, layers):
    names = ["Leber", "é := \\ 2", "with space", "x" * 300]
    segments = [Segment(*parts) for parts in zip(names, COLORS, masks(layers), strict=True)]
    path = tmp_path / "a.seg.nrrd"
    write_segmentation(path, segments, Geometry(SHAPE, np.array(MATRICES[grid])))
    node = opened(scene, path)
    segmentation = node.GetSegmentation()
    assert segmentation.GetNumberOfSegments() == 4
    assert segmentation.GetNumberOfLayers() == layers
    assert segmentation.GetSourceRepresentationName() == "Binary labelmap"
    for number, segment in enumerate(segments):
        found = segmentation.GetNthSegment(number)
        assert found.GetName() == segment.name
        assert found.GetColor() == pytest.approx(segment.color)
        voxels, matrix = voxels_and_matrix(node, segmentation.GetNthSegmentID(number))
        np.testing.assert_array_equal(voxels, segment.mask)
        np.testing.assert_allclose(matrix, MATRICES[grid], atol=1e-9)


def test_an_empty_segment_stays_in_the_list(scene, tmp_path):
    path = tmp_path / "a.seg.nrrd"
    some, none = np.ones((1, 5, 6), bool), np.zeros((1, 5, 6), bool)
    write_segmentation(
        path,
        [Segment("some", COLORS[0], some), Segment("none", COLORS[1], none)],
        Geometry(some.shape, np.eye(4)),
    )
    node = opened(scene, path)
    ids = [node.GetSegmentation().GetNthSegmentID(number) for number in range(2)]
    assert [voxels_and_matrix(node, segment_id)[0].sum() for segment_id in ids] == [30, 0]


def saved_by_slicer(scene, path, segments, geometry) -> None:
    """Open a file of ours in Slicer and save it there."""
    write_segmentation(path, segments, geometry)
    node = opened(scene, path)
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(path))
    scene.AddNode(storage)
    assert storage.WriteData(node)


@pytest.mark.parametrize("grid", MATRICES)
@pytest.mark.parametrize("layers", [1, 3])
def test_what_slicer_saves_comes_back_as_a_mask(scene, tmp_path, grid, layers):
    shape = (9, 10, 11)
    whole = np.zeros((4, *shape), bool)
    whole[:, 2:6, 3:8, 4:10] = masks(layers)
    names = ["Leber", "é := \\ 2", "with space", "tumour"]
    labels = [5, 2, 9, 300]
    segments = [Segment(*parts) for parts in zip(names, COLORS, whole, labels, strict=True)]
    geometry = Geometry(shape, np.array(MATRICES[grid]))
    saved_by_slicer(scene, tmp_path / "a.seg.nrrd", segments, geometry)
    # Slicer keeps no more than the part with voxels.
    assert SimpleITK.ReadImage(str(tmp_path / "a.seg.nrrd")).GetSize() == (6, 5, 4)
    found = read_segments(tmp_path / "a.seg.nrrd", geometry)
    for segment, expected in zip(found, segments, strict=True):
        assert segment.name == expected.name
        # A segment alone on its layer gets label 1 in Slicer.
        assert segment.label == (expected.label if layers == 1 or expected.label in (5, 300) else 1)
        assert segment.color == pytest.approx(expected.color)
        np.testing.assert_array_equal(segment.mask, expected.mask)
