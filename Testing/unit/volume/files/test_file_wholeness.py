"""Image files that are cut short, or that tell of more than they hold: refused in one sentence."""

import gzip
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest

from medsam2.errors import InputError
from medsam2.volume import read_volume
from unit.volume.files.examples import META, NRRD, SMALL, VOXELS, save, with_header

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
