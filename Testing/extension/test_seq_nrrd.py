"""Slicer reads the sequences that we write, and we read those of Slicer."""

import numpy as np
import pytest

from medsam2.volume import Geometry, TimePoints, read_sequence, write_labelmap_sequence

pytest.importorskip("slicer.util", reason="needs the package slicer-core")
slicer = pytest.importorskip("slicer")
vtk = pytest.importorskip("vtk")
vtk_to_numpy = pytest.importorskip("vtk.util.numpy_support").vtk_to_numpy

SHAPE = (3, 4, 5, 6)  # time point, k, j, i
LABELS = np.random.default_rng(0).integers(0, 3, SHAPE).astype(np.uint8)
TURNED = np.array([[0, -0.75, 0, 10], [0.5, 0, 0, -20], [0, 0, 2, 30], [0, 0, 0, 1.0]])
LEFT_HANDED = TURNED * [1, 1, -1, 1]


@pytest.fixture
def sequence():
    scene = slicer.vtkMRMLScene()
    node = slicer.vtkMRMLSequenceNode()
    scene.AddNode(node)
    yield node
    scene.Clear(True)


def storage(sequence, path):
    node = slicer.vtkMRMLVolumeSequenceStorageNode()
    node.SetFileName(str(path))
    sequence.GetScene().AddNode(node)
    return node


def in_slicer(volume) -> dict[tuple, int]:
    """Value of each voxel by its position in RAS mm; Slicer turns left-handed grids round as it reads."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    rows = [[matrix.GetElement(row, column) for column in range(4)] for row in range(4)]
    values = vtk_to_numpy(volume.GetImageData().GetPointData().GetScalars()).reshape(SHAPE[1:])
    return by_position(values, np.array(rows))


def by_position(values, ijk_to_ras) -> dict[tuple, int]:
    positions = Geometry(SHAPE[1:], ijk_to_ras).kji_to_ras(np.array(list(np.ndindex(*SHAPE[1:]))))
    return {
        tuple(position): value for position, value in zip(positions.round(6) + 0.0, values.flat, strict=True)
    }


@pytest.mark.parametrize("ijk_to_ras", [TURNED, LEFT_HANDED], ids=["turned", "left-handed"])
@pytest.mark.parametrize(
    ("values", "kind"),
    [(("0", "0.5", "1.25"), "numeric"), (("end systole", "75 %", "end-diastole"), "text"), ((), "numeric")],
)
def test_slicer_opens_labelmaps_at_their_times_and_places(sequence, tmp_path, values, kind, ijk_to_ras):
    path, times = tmp_path / "out.seq.nrrd", TimePoints(3, values, "s" if values else "")
    write_labelmap_sequence(path, LABELS, Geometry(SHAPE[1:], ijk_to_ras), times)
    assert storage(sequence, path).ReadData(sequence)
    assert sequence.GetIndexTypeAsString() == kind
    found = {
        sequence.GetNthIndexValue(item): sequence.GetNthDataNode(item)
        for item in range(sequence.GetNumberOfDataNodes())
    }
    assert list(found) == list(values or "012")
    for labels, volume in zip(LABELS, found.values(), strict=True):
        assert volume.IsA("vtkMRMLLabelMapVolumeNode")
        assert in_slicer(volume) == by_position(labels, ijk_to_ras)


@pytest.mark.parametrize("compressed", [False, True])
def test_sequences_that_slicer_saved_are_read(sequence, tmp_path, compressed):
    for item, labels in enumerate(LABELS):
        volume = slicer.vtkMRMLScalarVolumeNode()
        image = vtk.vtkImageData()
        image.SetDimensions(*SHAPE[:0:-1])
        image.AllocateScalars(vtk.VTK_SHORT, 1)
        vtk_to_numpy(image.GetPointData().GetScalars())[:] = labels.ravel()
        volume.SetAndObserveImageData(image)
        matrix = vtk.vtkMatrix4x4()
        matrix.DeepCopy(TURNED.ravel())
        volume.SetIJKToRASMatrix(matrix)
        sequence.SetDataNodeAtValue(volume, ("0", "0.5", "1.25")[item])
    sequence.SetIndexName("time")
    sequence.SetIndexUnit("s")
    node = storage(sequence, tmp_path / "in.seq.nrrd")
    node.SetUseCompression(compressed)
    assert node.WriteData(sequence)
    read = read_sequence(tmp_path / "in.seq.nrrd")
    assert read.times == TimePoints(3, ("0", "0.5", "1.25"), "s")
    for item, labels in enumerate(LABELS):
        np.testing.assert_array_equal(read.volume(item).voxels, labels)
        np.testing.assert_allclose(read.volume(item).geometry.ijk_to_ras, TURNED, atol=1e-6)
