"""NIfTI and Analyze: voxels and places are those that nibabel gives, in both directions."""

import gzip
import itertools
import os
import subprocess
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

import medsam2
from medsam2.errors import InputError, VolumeWarning
from medsam2.volume import Geometry, read_volume, write_labelmap, write_volume

ENVIRONMENT = {"PYTHONPATH": str(Path(medsam2.__path__[0]).parent), "PYTHONDONTWRITEBYTECODE": "1"}
SHAPE = (6, 5, 4)  # i, j, k
COS, SIN = np.cos(0.3), np.sin(0.3)
TURNS = {
    "RAS": np.eye(3),
    "LPS": np.diag([-1.0, -1, 1]),
    "left-handed": np.diag([1.0, 1, -1]),
    "exchanged": np.eye(3)[[2, 0, 1]],
    "oblique": np.array([[COS, -SIN, 0], [SIN, COS, 0], [0, 0, 1]]) @ np.diag([-1.0, 1, 1]),
}
STRAIGHT, SHEAR = np.eye(3), np.array([[1.0, 0, 0], [0, 1, 0.4], [0, 0, 1]])
FORMS = {
    "sform 1": (1, 0),
    "sform 2": (2, 0),
    "sform 4": (4, 0),
    "qform 1": (0, 1),
    "qform 3": (0, 3),
    "both": (1, 1),
    "sform 4 beside qform 1": (4, 1),
    "neither": (0, 0),
}


def some_voxels(dtype=np.int16, shape=SHAPE) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 100, shape).astype(dtype)


def a_matrix(turn="RAS", shear=STRAIGHT) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = TURNS[turn] @ shear @ np.diag([0.5, 0.75, 2.0])
    matrix[:3, 3] = [-10, 20, 30]
    return matrix


def save(path: Path, voxels=None, matrix=None, forms=(1, 1), kind=nibabel.Nifti1Image, **fields) -> Path:
    """Write a file with nibabel; ``fields`` go to the header as they are."""
    voxels = some_voxels() if voxels is None else voxels
    matrix = a_matrix() if matrix is None else matrix
    image = kind(voxels, matrix, dtype=voxels.dtype)
    if forms is not None:
        image.set_sform(matrix, forms[0])
        image.set_qform(matrix, forms[1])
    for name, value in fields.items():
        image.header[name] = value
    image.to_filename(path)
    return path


def assert_as_nibabel(path: Path) -> None:
    expected = nibabel.load(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VolumeWarning)
        volume = read_volume(path)
    voxels = np.asanyarray(expected.dataobj)
    np.testing.assert_allclose(volume.voxels.T, voxels.reshape((*voxels.shape, 1, 1)[:3]), rtol=1e-6)
    np.testing.assert_allclose(volume.geometry.ijk_to_ras, expected.affine, atol=1e-6)


@pytest.mark.parametrize(("turn", "forms"), list(itertools.product(TURNS, FORMS)))
def test_an_image_lies_where_nibabel_places_it(tmp_path, turn, forms):
    assert_as_nibabel(save(tmp_path / "a.nii.gz", None, a_matrix(turn), FORMS[forms]))


@pytest.mark.parametrize("turn", TURNS)
def test_a_sheared_matrix_is_kept(tmp_path, turn):
    assert_as_nibabel(save(tmp_path / "a.nii", None, a_matrix(turn, SHEAR), (2, 1)))


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", ">i2", ">f4"])
def test_voxels_of_every_type_are_read(tmp_path, dtype):
    assert_as_nibabel(save(tmp_path / "a.nii", some_voxels(dtype)))


@pytest.mark.parametrize(
    "scaling", [(0, 7), (1, -1024), (2, 0), (0.25, -3), (1e-3, 1e4), (np.nan, 0), (-1, 0)]
)
@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4"])
def test_scaling_is_that_of_nibabel(tmp_path, dtype, scaling):
    path = save(tmp_path / "a.nii", some_voxels(dtype))
    content = bytearray(path.read_bytes())
    content[112:120] = np.array(scaling, "<f4").tobytes()  # nibabel computes its own when it writes
    path.write_bytes(content)
    assert_as_nibabel(path)


@pytest.mark.parametrize(
    "name", ["a.nii", "a.nii.gz", "A.NII", "A.NII.GZ", "a.hdr", "a.img", "a.img.gz", "A.HDR"]
)
@pytest.mark.parametrize(
    "kind", [(nibabel.Nifti1Image, nibabel.Nifti1Pair), (nibabel.Nifti2Image, nibabel.Nifti2Pair)]
)
def test_every_kind_of_nifti_is_read(tmp_path, name, kind):
    assert_as_nibabel(save(tmp_path / name, kind=kind[".nii" not in name.lower()]))


def test_the_halves_of_a_pair_may_differ_in_case(tmp_path):
    save(tmp_path / "a.hdr", kind=nibabel.Nifti1Pair)
    (tmp_path / "a.img").rename(tmp_path / "A.IMG")
    np.testing.assert_array_equal(read_volume(tmp_path / "a.hdr").voxels.T, some_voxels())


@pytest.mark.parametrize("suffix", ["", ".tmp", ".nii.gz.part", ".NIfTI"])
@pytest.mark.parametrize("written_as", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_nifti_is_known_by_its_content(tmp_path, suffix, written_as, kind):
    path = save(tmp_path / written_as, kind=kind).rename(tmp_path / f"renamed{suffix}")
    np.testing.assert_array_equal(read_volume(path).voxels.T, some_voxels())


@pytest.mark.parametrize("kind", [nibabel.AnalyzeImage, nibabel.Spm99AnalyzeImage, nibabel.Spm2AnalyzeImage])
def test_analyze_files_are_read(tmp_path, kind):
    save(tmp_path / "a.img", kind=kind, forms=None)
    with pytest.warns(VolumeWarning, match="left from right"):
        read_volume(tmp_path / "a.img")
    assert_as_nibabel(tmp_path / "a.img")


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1), (6, 5, 4, 1), (6, 5, 4, 1, 1), (6, 5, 1, 1)])
def test_axes_of_one_voxel_do_not_matter(tmp_path, shape):
    assert_as_nibabel(save(tmp_path / "a.nii.gz", some_voxels(shape=shape)))


def test_a_slice_without_a_thickness_is_read(tmp_path):
    matrix = a_matrix()
    matrix[:3, 2] = 0
    path = save(tmp_path / "a.nii", some_voxels(shape=(6, 5)), forms=None)
    content = bytearray(path.read_bytes())
    content[252:256] = np.array([0, 1], "<i2").tobytes()
    content[280:328] = matrix[:3].astype("<f4").tobytes()
    path.write_bytes(content)
    assert read_volume(path).geometry.spacing == (1, 0.75, 0.5)


def test_several_time_points_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"holds 3 volumes .* save the one to segment"):
        read_volume(save(tmp_path / "a.nii", some_voxels(shape=(6, 5, 4, 3))))


@pytest.mark.parametrize("names", ["RGB", "RGBA"])
def test_colours_become_grey(tmp_path, names):
    colours = np.zeros(SHAPE, [(name, "u1") for name in names])
    colours["R"], colours["G"] = 200, 100
    with pytest.warns(VolumeWarning, match="in colour"):
        volume = read_volume(save(tmp_path / "a.nii", colours))
    np.testing.assert_array_equal(volume.voxels, np.full(SHAPE[::-1], round(0.299 * 200 + 0.587 * 100)))


def test_colours_along_a_fifth_axis_become_grey(tmp_path):
    colours = np.zeros((*SHAPE, 1, 3), np.uint8)
    colours[:3, ..., 2] = 100
    with pytest.warns(VolumeWarning, match="in colour"):
        volume = read_volume(save(tmp_path / "a.nii", colours))
    np.testing.assert_array_equal(volume.voxels[..., 0], 11)
    np.testing.assert_array_equal(volume.voxels[..., 3], 0)


def test_two_places_in_a_header_are_noted(tmp_path):
    path = save(tmp_path / "a.nii")
    content = bytearray(path.read_bytes())
    content[268:272] = np.array(5, "<f4").tobytes()  # qoffset_x
    path.write_bytes(content)
    with pytest.warns(VolumeWarning, match=r"up to 15\.0 mm apart: its sform counts"):
        read_volume(path)
    assert_as_nibabel(path)


def test_agreeing_places_need_no_note(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_volume(save(tmp_path / "a.nii", None, a_matrix("oblique"), (2, 1)))


def test_no_place_in_a_header_is_noted(tmp_path):
    with pytest.warns(VolumeWarning, match="does not say where"):
        read_volume(save(tmp_path / "a.nii", forms=(0, 0)))


@pytest.mark.parametrize(("unit", "factor"), [("micron", 1e-3), ("meter", 1e3)])
def test_other_units_become_millimetres(tmp_path, unit, factor):
    image = nibabel.Nifti1Image(some_voxels(), a_matrix())
    image.header.set_xyzt_units(unit)
    image.to_filename(tmp_path / "a.nii")
    with pytest.warns(VolumeWarning, match="millimetres"):
        matrix = read_volume(tmp_path / "a.nii").geometry.ijk_to_ras
    np.testing.assert_allclose(matrix[:3], a_matrix()[:3] * factor)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("name", ["a.nii", "A.NII", "a.nii.gz", "A.NII.GZ", "a.img", "a.img.gz", "a.hdr"])
def test_a_truncated_file_is_refused(tmp_path, name, kept):
    pair = ".nii" not in name.lower()
    kind = nibabel.Nifti1Pair if pair else nibabel.Nifti1Image
    path = save(tmp_path / name, some_voxels(shape=(40, 30, 20)), kind=kind)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(InputError, match=r"incomplete or damaged|cannot be read as an image"):
        read_volume(path)


@pytest.mark.parametrize("end", [b"", b"\0" * 1000])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_header_of_more_voxels_than_can_be_there_takes_no_memory(tmp_path, name, end):
    header = nibabel.Nifti1Image(some_voxels(), a_matrix()).header
    header["dim"][:4] = 3, 32767, 32767, 32767
    content = header.binaryblock + bytes(4) + end
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    with pytest.raises(InputError, match="incomplete"):
        read_volume(tmp_path / name)


def test_a_flood_behind_the_voxels_is_not_kept(tmp_path):
    path = save(tmp_path / "a.nii.gz")
    content = gzip.decompress(path.read_bytes())
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(content)
        for _ in range(80):
            file.write(bytes(1 << 20))
    with pytest.raises(InputError, match="far more data"):
        read_volume(path)


def test_half_a_pair_is_told_what_is_missing(tmp_path):
    path = save(tmp_path / "a.img", kind=nibabel.Nifti1Pair)
    (tmp_path / "a.hdr").unlink()
    with pytest.raises(InputError, match=r"the file that ends in \.hdr"):
        read_volume(path)


def test_random_headers_are_refused_or_read(tmp_path):
    """Never another exception than InputError."""
    path, random = save(tmp_path / "a.nii"), np.random.default_rng(0)
    whole = path.read_bytes()
    for _ in range(200):
        content = bytearray(whole)
        for place in random.integers(0, 352, 12):
            content[place] = random.integers(256)
        path.write_bytes(content)
        with suppress(InputError), warnings.catch_warnings():
            warnings.simplefilter("ignore", VolumeWarning)
            read_volume(path)


# In a process of its own: pytest listens to what nibabel writes to its log.
READ_DAMAGED = """
import sys
from medsam2.errors import InputError
from medsam2.volume import read_volume
try:
    read_volume(sys.argv[1])
except InputError as error:
    print(error)
"""


def test_a_damaged_header_makes_one_sentence(tmp_path):
    path = save(tmp_path / "a.nii")
    content = bytearray(path.read_bytes())
    content[70] = content[253] = 77  # datatype, qform_code
    path.write_bytes(content)
    run = subprocess.run([sys.executable, "-c", READ_DAMAGED, path], capture_output=True, env=ENVIRONMENT)
    assert run.stderr == b""
    assert b"header is damaged" in run.stdout


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("turn", TURNS)
def test_what_is_written_lies_in_the_same_place_for_everyone(tmp_path, turn, name):
    voxels = some_voxels(np.uint8).T
    write_labelmap(tmp_path / name, voxels, Geometry(voxels.shape, a_matrix(turn)))
    by_nibabel, by_itk = nibabel.load(tmp_path / name), SimpleITK.ReadImage(str(tmp_path / name))
    np.testing.assert_array_equal(np.asanyarray(by_nibabel.dataobj).T, voxels)
    np.testing.assert_allclose(by_nibabel.affine, a_matrix(turn), atol=1e-5)
    np.testing.assert_allclose(by_nibabel.get_qform(), by_nibabel.get_sform(), atol=1e-5)
    np.testing.assert_allclose(Geometry.from_image(by_itk).ijk_to_ras, a_matrix(turn), atol=1e-4)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(by_itk), voxels)


@pytest.mark.parametrize("turn", TURNS)
def test_a_sheared_grid_is_written_as_it_is(tmp_path, turn):
    matrix = a_matrix(turn, SHEAR)
    voxels = some_voxels(np.uint8).T
    with pytest.warns(VolumeWarning, match="not at right angles"):
        write_labelmap(tmp_path / "a.nii.gz", voxels, Geometry(voxels.shape, matrix))
    image = nibabel.load(tmp_path / "a.nii.gz")
    np.testing.assert_allclose(image.affine, matrix, atol=1e-5)
    assert int(image.header["qform_code"]) == 0


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_intensities_are_written_without_scaling(tmp_path, dtype):
    voxels = some_voxels(dtype).T
    write_volume(tmp_path / "a.nii.gz", voxels, Geometry(voxels.shape, a_matrix()))
    image = nibabel.load(tmp_path / "a.nii.gz")
    assert image.get_data_dtype() == dtype
    assert (image.dataobj.slope, image.dataobj.inter) == (1, 0)
    np.testing.assert_array_equal(np.asanyarray(image.dataobj).T, voxels)


def test_the_same_voxels_make_the_same_file(tmp_path):
    voxels = some_voxels(np.uint8).T
    for name in ("a.nii.gz", "b.nii.gz"):
        write_labelmap(tmp_path / name, voxels, Geometry(voxels.shape, a_matrix()))
        os.utime(tmp_path / name, (0, 0))
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_an_axis_too_long_for_nifti_1_is_written_as_nifti_2(tmp_path):
    voxels = np.zeros((1, 1, 40_000), np.uint8)
    write_labelmap(tmp_path / "a.nii.gz", voxels, Geometry(voxels.shape, a_matrix()))
    assert read_volume(tmp_path / "a.nii.gz").voxels.shape == voxels.shape
