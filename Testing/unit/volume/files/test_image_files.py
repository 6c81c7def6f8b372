"""Image files that are cut short, hostile, odd or in colour: read right, or refused in one sentence."""

import gzip
import os
import socket
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from medsam2.errors import InputError
from medsam2.volume import Geometry, VolumeWarning, choose_window, read_volume, write_labelmap, write_volume

CASES = Path(__file__).resolve().parents[4] / "shared" / "cases" / "inputs"
needs_cases = pytest.mark.skipif(
    not CASES.is_dir(), reason="the inputs that go wrong are not beside the repository"
)
DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the real cases are not beside the repository")
# Notes that name a path which is not UTF-8 cannot be handed from one of pytest's processes to another.
unnoted = pytest.mark.filterwarnings("ignore::medsam2.volume.VolumeWarning")
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="pipes and such names are of POSIX")
PLACES = np.indices((20, 30, 40))
VOXELS = ((PLACES.T @ [7, 3, 1]).T % 200).astype(np.int16) + np.random.default_rng(0).integers(
    0, 5, PLACES.shape[1:], np.int16
)


def save(path: Path, voxels: np.ndarray = VOXELS, compressed: bool = False, colour: bool = False) -> Path:
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels, isVector=colour), str(path), compressed)
    return path


def with_header(path: Path, header: str, content: bytes = b"") -> Path:
    path.write_bytes(header.encode("latin-1") + content)
    return path


META = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
CompressedData = False
TransformMatrix = 1 0 0 0 1 0 0 0 1
Offset = 0 0 0
ElementSpacing = 1 1 1
DimSize = 4 3 2
ElementType = MET_SHORT
ElementDataFile = """
NRRD = """NRRD0004
type: short
dimension: 3
sizes: 4 3 2
endian: little
encoding: raw
"""
SMALL = np.arange(24, dtype=np.int16).reshape(2, 3, 4)


# Name, whether compressed, whether in colour.
FORMATS = [
    ("a.nrrd", False, False),
    ("a.nrrd", True, False),
    ("a.nhdr", False, False),
    ("a.nhdr", True, False),
    ("a.mha", False, False),
    ("a.mha", True, False),
    ("a.mhd", False, False),
    ("a.mhd", True, False),
    ("a.vtk", False, False),
    ("a.vtk", False, True),
    ("a.gipl", False, False),
    ("a.gipl.gz", False, False),
    ("a.mrc", False, False),
    ("a.hdf5", False, False),
    ("a.mnc", False, False),
    ("a.tif", False, False),
    ("a.tif", True, False),
    ("a.tif", False, True),
    ("a.nii", False, True),
    ("a.nrrd", False, True),
]
PICTURES = [
    ("a.png", False),
    ("a.png", True),
    ("a.jpg", False),
    ("a.jpg", True),
    ("a.bmp", True),
    ("a.tiff", False),
]
KEPT = [0.02, 0.3, 0.9, 0.999]
NOT_IN_THE_FILE = ".* (size of a voxel|how the image lies)"


def cut(path: Path, kept: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])


def assert_refused_in_silence(path: Path, capfd) -> None:
    with pytest.raises(
        InputError, match=r"incomplete or damaged|cannot be read as an image|can be read in two ways"
    ):
        read_volume(path)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.parametrize("kept", KEPT)
@pytest.mark.parametrize(("name", "compressed", "colour"), FORMATS)
def test_a_truncated_volume_is_refused(tmp_path, name, compressed, colour, kept, capfd):
    voxels = np.stack([VOXELS] * 3, axis=-1).astype(np.uint8) if colour else VOXELS
    path = save(tmp_path / name, voxels, compressed, colour)
    data = [file for file in tmp_path.iterdir() if file != path]  # of a detached header
    cut(data[0] if data else path, kept)
    assert_refused_in_silence(path, capfd)


TEXT = {
    "a.nrrd": NRRD.replace("raw", "ascii") + "\n",
    "a.mha": META.replace("BinaryData = True", "BinaryData = False") + "LOCAL\n",
    "a.vtk": "# vtk DataFile Version 3.0\n-\nASCII\nDATASET STRUCTURED_POINTS\nDIMENSIONS 4 3 2\n"
    "SPACING 1 1 1\nORIGIN 0 0 0\nPOINT_DATA 24\nSCALARS scalars short 1\nLOOKUP_TABLE default\n",
}


@pytest.mark.parametrize("name", TEXT)
def test_voxels_as_text_are_read_to_the_end_or_refused(tmp_path, name, capfd):
    text = " ".join(map(str, SMALL.ravel() + 100)) + "\n"
    read = read_volume(with_header(tmp_path / name, TEXT[name], text.encode())).voxels
    np.testing.assert_array_equal(read, SMALL + 100)
    for kept in (len(text) - 2, len(text) // 2, 3):
        assert_refused_in_silence(with_header(tmp_path / name, TEXT[name], text[:kept].encode()), capfd)


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.9])
@pytest.mark.parametrize(("name", "colour"), PICTURES)
def test_a_truncated_picture_is_refused(tmp_path, name, colour, kept, capfd):
    voxels = VOXELS[0].astype(np.uint8)
    path = save(tmp_path / name, np.stack([voxels] * 3, axis=-1) if colour else voxels, colour=colour)
    cut(path, kept)
    assert_refused_in_silence(path, capfd)


@pytest.mark.parametrize(("name", "compressed", "colour"), [form for form in FORMATS if not form[2]])
def test_a_whole_volume_is_read_in_silence(tmp_path, name, compressed, colour, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", NOT_IN_THE_FILE)
        np.testing.assert_array_equal(read_volume(save(tmp_path / name, VOXELS, compressed)).voxels, VOXELS)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.parametrize(("name", "compressed", "colour"), [form for form in FORMATS if form[2]])
def test_a_volume_in_colour_becomes_grey(tmp_path, name, compressed, colour):
    colours = np.random.default_rng(0).integers(0, 255, (3, 4, 5, 3), np.uint8)
    with pytest.warns(VolumeWarning, match="in colour"):
        voxels = read_volume(save(tmp_path / name, colours, compressed, colour)).voxels
    np.testing.assert_array_equal(voxels, np.rint(colours @ [0.299, 0.587, 0.114]))


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.nrrd"])
def test_colours_that_are_all_grey_need_no_note(tmp_path, name):
    grey = VOXELS[:1].astype(np.uint8)
    grey = grey if name == "a.nrrd" else grey[0]
    path = save(tmp_path / name, np.stack([grey] * 3, axis=-1), colour=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".* is in colour")
        np.testing.assert_array_equal(read_volume(path).voxels[0], VOXELS[0])


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha", "a.hdf5"])
def test_one_time_point_is_a_volume(tmp_path, name):
    path = save(tmp_path / name, VOXELS[None])
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    np.testing.assert_array_equal(volume.geometry.ijk_to_ras, np.diag([-1.0, -1, 1, 1]))
    with pytest.raises(InputError, match="holds 2 volumes"):
        read_volume(save(tmp_path / name, np.stack([VOXELS] * 2)))


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha", "a.nii.gz"])
@pytest.mark.parametrize(("dtype", "kept_as"), [(np.int64, np.int16), (np.uint64, np.int16)])
def test_64_bit_voxels_are_read(tmp_path, name, dtype, kept_as):
    voxels = read_volume(save(tmp_path / name, VOXELS.astype(dtype))).voxels
    assert voxels.dtype == kept_as
    np.testing.assert_array_equal(voxels, VOXELS)


@pytest.mark.parametrize(
    ("dtype", "largest", "kept_as"),
    [
        (np.int64, 40_000, np.int32),
        (np.uint64, 2**32 - 1, np.uint32),
        (np.int64, -(2**40), np.float64),
        (np.uint64, 2**53, np.float64),
        (np.uint64, 2**63, np.float64),
    ],
)
def test_large_64_bit_voxels_keep_their_values(tmp_path, dtype, largest, kept_as):
    given = np.array([[[0, 1, largest]]], dtype)
    voxels = read_volume(save(tmp_path / "a.nrrd", given)).voxels
    assert voxels.dtype == kept_as
    assert [int(value) for value in voxels.ravel()] == [0, 1, largest]


@pytest.mark.parametrize(
    ("dtype", "largest"), [(np.int64, 2**53 + 1), (np.uint64, 2**64 - 1), (np.int64, 2**63 - 1)]
)
def test_64_bit_voxels_that_fit_nothing_else_are_refused(tmp_path, dtype, largest):
    with pytest.raises(InputError, match="no shorter type can hold exactly"):
        read_volume(save(tmp_path / "a.nrrd", np.array([[[0, 1, largest]]], dtype)))


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


def test_a_sheared_voxel_is_smaller_than_its_sides():
    geometry = Geometry((2, 2, 2), SHEARED)
    assert geometry.voxel_ml == pytest.approx(0.7 * 0.9 * 2.5 / 1000)
    assert not geometry.is_right_angled
    assert Geometry((2, 2, 2), np.diag([1.0, 2, 3, 1])).is_right_angled


@needs_data
def test_the_same_voxels_are_the_same_volume_in_every_format(tmp_path):
    """A real CT: voxels, places, modality and window, which is all that segmentation is given."""
    expected = read_volume(DATA / "ct_dicom")
    image = expected.geometry.to_image(expected.voxels)
    for name, pixels in [
        ("a.nii.gz", image),
        ("a.nii", image),
        ("a.nrrd", image),
        ("a.mha", image),
        ("a.mhd", image),
        ("a.hdr", image),
        ("float.nii.gz", SimpleITK.Cast(image, SimpleITK.sitkFloat32)),
        ("long.nrrd", SimpleITK.Cast(image, SimpleITK.sitkInt64)),
    ]:
        SimpleITK.WriteImage(pixels, str(tmp_path / name))
        volume = read_volume(tmp_path / name)
        np.testing.assert_array_equal(volume.voxels, expected.voxels, err_msg=name)
        np.testing.assert_array_equal(volume.geometry.ijk_to_ras, expected.geometry.ijk_to_ras, err_msg=name)
        assert (volume.modality, choose_window(volume)) == ("CT", choose_window(expected))


@posix_only
@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd", "a.png", "a", "a.dcm"])
def test_a_pipe_is_refused_at_once(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match="a pipe or a device"):
        read_volume(tmp_path / name)


@posix_only
def test_a_device_and_a_socket_are_refused(tmp_path):
    with pytest.raises(InputError, match="a pipe or a device"):
        read_volume("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(tmp_path / "s.nii"))
        with pytest.raises(InputError, match="a pipe or a device"):
            read_volume(tmp_path / "s.nii")


@posix_only
def test_a_pipe_behind_a_header_is_refused(tmp_path):
    os.mkfifo(tmp_path / "a.raw")
    with pytest.raises(InputError, match="a pipe or a device"):
        read_volume(with_header(tmp_path / "a.mhd", META + "a.raw\n"))
    save(tmp_path / "b.img")
    (tmp_path / "b.img").unlink()
    os.mkfifo(tmp_path / "b.img")
    with pytest.raises(InputError, match="a pipe or a device"):
        read_volume(tmp_path / "b.hdr")


def test_an_endless_path_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_volume(tmp_path / ("a" * 5000 + ".nii"))
    with pytest.raises(InputError, match="cannot be read"):
        read_volume("a\0b.nii")


@pytest.fixture
def secret(tmp_path) -> Path:
    """A file outside the folder of an image."""
    (tmp_path / "images").mkdir()
    file = tmp_path / "secret.raw"
    file.write_bytes(SMALL.tobytes())
    return file


@pytest.mark.parametrize("name", ["a.mhd", "a.mha", "a.nhdr", "a.nrrd"])
@pytest.mark.parametrize(
    "where", ["{secret}", "../secret.raw", "sub/../../secret.raw", "link.raw", "-", "/dev/stdin"]
)
def test_voxels_outside_the_headers_folder_are_refused(tmp_path, secret, name, where):
    (tmp_path / "images" / "link.raw").symlink_to(secret)
    where = where.format(secret=secret)
    header = META + where if "mh" in name else NRRD + f"data file: {where}"
    with pytest.raises(InputError, match="not lie in its own folder"):
        read_volume(with_header(tmp_path / "images" / name, header + "\n"))


@pytest.mark.parametrize(
    "header",
    [
        META + "LIST\nfirst.raw\n{secret}\n",
        META.replace("ElementDataFile", "elementdatafile = {secret}\nElementDataFile") + "LOCAL\n",
        NRRD + "data file: LIST 2\n{secret}\n{secret}\n",
        NRRD + "DATA FILE: {secret}\n",
        NRRD + "datafile: {secret}\n",
        NRRD + "data file: a.raw\ndatafile: {secret}\n",
        META.replace("Offset", "Comment =\nOffset") + "LOCAL\n",
    ],
)
def test_other_ways_to_name_a_file_are_seen_through(tmp_path, secret, header):
    name = "a.nhdr" if header.startswith("NRRD") else "a.mhd"
    with pytest.raises(InputError, match=r"not lie in its own folder|read in two ways|does not exist"):
        read_volume(with_header(tmp_path / "images" / name, header.replace("{secret}", str(secret))))


@pytest.mark.parametrize(
    "pattern",
    ["%s%n 1 2 1", "%s.raw 0 1 1", "a%d%d.raw 0 1 1", "a%1000000d.raw 0 1 1", "a%x.raw 0 1 1", "a%d.raw"],
)
@pytest.mark.parametrize("name", ["a.mhd", "a.nhdr"])
def test_a_dangerous_pattern_is_refused(tmp_path, name, pattern):
    header = META + pattern if name == "a.mhd" else NRRD + f"data file: {pattern}"
    with pytest.raises(InputError, match="not safe to read"):
        read_volume(with_header(tmp_path / name, header + "\n"))


@pytest.mark.parametrize("name", ["a.mhd", "a.nhdr"])
@pytest.mark.parametrize("form", ["one", "%d", "%03d", "LIST"])
def test_voxels_beside_the_header_are_read(tmp_path, name, form):
    names = ["a b.raw"] if form == "one" else [(form if "%" in form else "%d") % n + ".raw" for n in (0, 1)]
    for file, part in zip(names, np.split(SMALL, len(names)), strict=True):
        (tmp_path / file).write_bytes(part.tobytes())
    where = {"one": "a b.raw", "LIST": "LIST\n0.raw\n1.raw"}.get(form, f"{form}.raw 0 1 1")
    header = META + where if name == "a.mhd" else NRRD + f"data file: {where}"
    np.testing.assert_array_equal(read_volume(with_header(tmp_path / name, header + "\n")).voxels, SMALL)


def test_a_header_of_100_000_keys_is_refused(tmp_path):
    keys = "".join(f"key{number}:=value\n" for number in range(100_000))
    with pytest.raises(InputError, match="lines"):
        read_volume(with_header(tmp_path / "a.nrrd", NRRD + keys + "\n", SMALL.tobytes()))


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha", "a.vtk", "a.gipl", "a.mrc"])
def test_a_header_of_more_voxels_than_can_be_there_takes_no_memory(tmp_path, name):
    path = save(tmp_path / name, SMALL)
    content = path.read_bytes()
    sizes = {
        "a.gipl": (np.array([4, 3, 2], ">u2").tobytes(), np.array([32767] * 3, ">u2").tobytes()),
        "a.mrc": (np.array([4, 3, 2], "<i4").tobytes(), np.array([32767] * 3, "<i4").tobytes()),
    }.get(name, (b" 4 3 2", b" 32767 32767 32767"))
    assert sizes[0] in content
    path.write_bytes(content.replace(*sizes))
    with pytest.raises(InputError, match="incomplete"):
        read_volume(path)


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha", "a.gipl.gz"])
def test_a_flood_behind_packed_voxels_is_refused(tmp_path, name):
    flood = [bytes(1 << 20)] * 80
    if name == "a.gipl.gz":
        content = gzip.decompress(save(tmp_path / name, SMALL).read_bytes())
        (tmp_path / name).write_bytes(gzip.compress(content + b"".join(flood), 1))
    else:
        packer = zlib.compressobj(1, wbits=31 if name == "a.nrrd" else 15)
        packed = b"".join(map(packer.compress, [SMALL.tobytes(), *flood])) + packer.flush()
        header = META.replace(
            "CompressedData = False", f"CompressedData = True\nCompressedDataSize = {len(packed)}"
        )
        header = header + "LOCAL\n" if name == "a.mha" else NRRD.replace("raw", "gzip") + "\n"
        with_header(tmp_path / name, header, packed)
    with pytest.raises(InputError, match="far more data"):
        read_volume(tmp_path / name)


@unnoted
@posix_only
@pytest.mark.parametrize(
    "name", ["a.nii.gz", "a.nrrd", "a.mha", "a.mhd", "a.nhdr", "a.hdr", "a.png", "a.tif", "a.gipl.gz"]
)
@pytest.mark.parametrize("where", ["name", "folder", "both"])
def test_a_path_that_is_not_utf8_is_read(tmp_path, name, where):
    latin = os.fsdecode(b"caf\xe9")
    folder = tmp_path / (latin if where != "name" else "folder")
    folder.mkdir()
    voxels = VOXELS[0].astype(np.uint8) if name == "a.png" else VOXELS
    save(tmp_path / name, voxels)
    for file in [file for file in tmp_path.iterdir() if file != folder]:
        file.rename(folder / file.name)
    path = folder / name
    if where != "folder":
        path = path.rename(folder / f"{latin}{name}")
        if name == "a.hdr":
            (folder / "a.img").rename(folder / f"{latin}a.img")
    np.testing.assert_array_equal(read_volume(path).voxels, voxels.reshape(-1, 30, 40))


ODD = ["a b", "-a", "a\nb", "~", "$HOME", "a%d%s", "ä日本", "#", "a" * 230]


@unnoted
@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.nrrd", "a.mha"])
@pytest.mark.parametrize("odd", [*ODD, pytest.param(os.fsdecode(b"caf\xe9"), marks=posix_only)])
def test_odd_names_are_written_and_read(tmp_path, odd, name):
    folder = tmp_path / odd
    folder.mkdir()
    path = folder / f"{odd}{name[1:]}"
    write_volume(path, VOXELS, Geometry(VOXELS.shape, np.eye(4)))
    assert list(folder.iterdir()) == [path]
    np.testing.assert_array_equal(read_volume(path).voxels, VOXELS)
