import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

import medsam2
from medsam2.errors import InputError, VolumeWarning
from medsam2.volume import (
    Geometry,
    Segment,
    output_format,
    read_volume,
    write_labelmap,
    write_segmentation,
)
from unit.volume.files.examples import CASES, VOXELS, needs_cases

SHAPE = (4, 5, 6)
HALF, ROOT = 0.5, np.sqrt(3) / 2
MATRICES = {
    "RAS": [[0.5, 0, 0, -10], [0, 0.75, 0, 20], [0, 0, 2, 30], [0, 0, 0, 1]],
    "LPS": [[-0.5, 0, 0, -10], [0, -0.75, 0, 20], [0, 0, 2, 30], [0, 0, 0, 1]],
    "flipped": [[0, 0.75, 0, -10], [0.5, 0, 0, 20], [0, 0, -2, 30], [0, 0, 0, 1]],
    "oblique": [
        [0.5, 0, 0, -10],
        [0, 0.75 * ROOT, -2 * HALF, 20],
        [0, 0.75 * HALF, 2 * ROOT, 30],
        [0, 0, 0, 1],
    ],
}


def a_grid(name="LPS", shape=SHAPE) -> Geometry:
    return Geometry(shape, np.array(MATRICES[name], np.float64))


def some_labels(dtype=np.uint8, shape=SHAPE) -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype)


def a_mask(*where: slice) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[where] = True
    return mask


def keys_of(path: Path) -> dict[str, str]:
    image = SimpleITK.ReadImage(str(path))
    return {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
@pytest.mark.parametrize("grid", MATRICES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_labelmap_comes_back(tmp_path, suffix, grid, dtype):
    path = tmp_path / f"scan.v1{suffix}"
    write_labelmap(path, some_labels(dtype), a_grid(grid))
    volume = read_volume(path)
    assert volume.voxels.dtype == dtype
    np.testing.assert_array_equal(volume.voxels, some_labels(dtype))
    np.testing.assert_allclose(volume.geometry.ijk_to_ras, MATRICES[grid], atol=1e-5)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("grid", MATRICES)
def test_separate_segments_share_one_labelmap(tmp_path, grid):
    path = tmp_path / "a.seg.nrrd"
    segments = [
        Segment("Leber links", (1, 0.5, 0.25), a_mask(slice(0, 2))),
        Segment("é := \\ 2", (0, 0, 1), a_mask(slice(2, 3))),
        Segment("empty", (0, 1, 0), a_mask(slice(0, 0))),
    ]
    write_segmentation(path, segments, a_grid(grid))
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.voxels[:, 0, 0], [1, 1, 2, 0])
    np.testing.assert_allclose(volume.geometry.ijk_to_ras, MATRICES[grid], atol=1e-5)
    keys = keys_of(path)
    assert [keys[f"Segment{n}_Name"] for n in range(3)] == [segment.name for segment in segments]
    assert [keys[f"Segment{n}_LabelValue"] for n in range(3)] == ["1", "2", "3"]
    assert keys["Segment0_Color"] == "1 0.5 0.25"
    assert keys["Segment0_Extent"] == "0 5 0 4 0 3"
    assert "Segment3_ID" not in keys


def test_overlapping_segments_get_layers_of_their_own(tmp_path):
    path = tmp_path / "a.seg.nrrd"
    masks = [a_mask(slice(0, 3)), a_mask(slice(2, 4)), a_mask(slice(3, 4))]
    write_segmentation(path, [Segment(f"{n}", (1, 0, 0), mask) for n, mask in enumerate(masks)], a_grid())
    voxels, keys = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))), keys_of(path)
    assert voxels.shape == (*SHAPE, 2)
    for number, mask in enumerate(masks):
        layer, label = int(keys[f"Segment{number}_Layer"]), int(keys[f"Segment{number}_LabelValue"])
        np.testing.assert_array_equal(voxels[..., layer] == label, mask)


def test_more_than_255_segments_keep_their_labels(tmp_path):
    masks = np.zeros((300, 1, 20, 20), bool)
    masks.reshape(300, 400)[range(300), range(300)] = True
    path = tmp_path / "a.seg.nrrd"
    write_segmentation(path, [Segment("s", (1, 0, 0), mask) for mask in masks], a_grid(shape=(1, 20, 20)))
    np.testing.assert_array_equal(read_volume(path).voxels.ravel()[:300], range(1, 301))


@pytest.mark.parametrize(
    "name", ["a.seg.nrrd", "a.nii.gz", "a.nii", "a.nrrd", "a.mha", "a.dcm", "a.rtstruct.dcm"]
)
def test_the_suffix_names_the_format(name):
    assert output_format(name) == name[1:]
    assert output_format(Path("v1.2") / f"b.c{name}") == name[1:]


@pytest.mark.parametrize("name", ["a", "a.dicom", "a.gz", "a.png", "nrrd", ".nii.gz", "a.NII.GZ", ""])
def test_another_suffix_is_refused_with_the_known_ones(name):
    with pytest.raises(InputError, match=r"\.seg\.nrrd, \.nii\.gz, \.nii, \.nrrd, \.mha"):
        output_format(name)


def test_labelmaps_and_segmentations_are_not_mixed_up(tmp_path):
    with pytest.raises(InputError, match=r"with \.nrrd alone"):
        write_labelmap(tmp_path / "a.seg.nrrd", some_labels(), a_grid())
    with pytest.raises(InputError, match=r"with \.seg\.nrrd"):
        write_segmentation(tmp_path / "a.nrrd", [Segment("s", (1, 0, 0), a_mask())], a_grid())
    with pytest.raises(InputError, match=r"names no known format.*\.mha\.$"):
        write_labelmap(tmp_path / "a.dcm", some_labels(), a_grid())
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="create it first"):
        write_labelmap(tmp_path / "absent" / "a.nii", some_labels(), a_grid())


def test_a_folder_is_no_file_to_write(tmp_path):
    (tmp_path / "a.nii").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        write_labelmap(tmp_path / "a.nii", some_labels(), a_grid())


SHEARED = np.array([[-0.7, 0, 0, -10], [0, -0.9, -0.67, 20], [0, 0, 2.5, 30], [0, 0, 0, 1]])


@needs_cases
def test_the_sheared_nrrd_of_the_cases_is_read_and_written_as_it_is(tmp_path):
    volume = read_volume(CASES / "13_sheared.nrrd")
    np.testing.assert_allclose(
        volume.geometry.ijk_to_ras[:3, :3], [[-0.7, 0, 0], [0, -0.9, -0.67], [0, 0, 2.5]]
    )


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha", "a.nii.gz", "a.nii"])
def test_a_sheared_grid_comes_back(tmp_path, name):
    labels = VOXELS.astype(np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VolumeWarning)
        write_labelmap(tmp_path / name, labels, Geometry(labels.shape, SHEARED))
        np.testing.assert_allclose(read_volume(tmp_path / name).geometry.ijk_to_ras, SHEARED, atol=1e-6)


# Runs in a process that may write 20 kB to a file: to it, every disk is full after that.
FULL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
import numpy as np
from medsam2.complete_file import complete_file
from medsam2.errors import InputError
from medsam2.volume import Geometry, Segment, write_labelmap, write_segmentation
path, shape = sys.argv[1], (10, 100, 100)
noise = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
geometry = Geometry(shape, np.eye(4))
try:
    if path.endswith(".seg.nrrd"):
        write_segmentation(path, [Segment("s", (1, 0, 0), noise > 127)], geometry)
    elif path.endswith(".bin"):
        with complete_file(path) as unfinished:
            unfinished.write_bytes(noise.tobytes())
    else:
        write_labelmap(path, noise, geometry)
except InputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.nrrd", "a.mha", "a.seg.nrrd", "a.bin"])
def test_a_full_disk_leaves_nothing(tmp_path, name):
    older = tmp_path / name
    older.write_text("older")
    logic = Path(medsam2.__path__[0]).parent
    child = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(older)],
        env={"PYTHONPATH": str(logic), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert child.returncode == 0, child.stderr
    assert "was not written" in child.stdout
    assert "free some" in child.stdout
    assert older.read_text() == "older"
    assert list(tmp_path.iterdir()) == [older]
