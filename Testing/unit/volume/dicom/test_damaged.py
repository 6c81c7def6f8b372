"""Damaged and hostile files: one sentence that names the file, and nothing else."""

import os
import struct
import warnings

import numpy as np
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from medsam2.errors import InputError, VolumeWarning
from medsam2.volume import ReadOptions, read_volume
from medsam2.volume.dicom import list_volumes
from unit.volume.dicom.examples import VOXELS, lps, write_enhanced, write_series
from unit.volume.dicom.special_files import LARGE, encoded, write_mosaic


def replaced(path, old, new):
    content = path.read_bytes()
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new))


def element(tag, value, representation=b"DS"):
    return struct.pack("<HH", *tag) + representation + struct.pack("<H", len(value)) + value


POSITION = (0x20, 0x32)


@pytest.mark.parametrize(
    "text",
    [b"10\\-20 ", b"n\\a\\0 ", b"10\\-20\\inf ", b"nan\\nan\\nan ", b"10\\-20\\30\\40 ", b"1e999\\0\\0 "],
)
def test_a_position_that_is_none_is_named(tmp_path, text):
    text += b" " * (len(text) % 2)
    write_series(tmp_path)
    path = tmp_path / "s02.dcm"
    replaced(path, element(POSITION, b"10\\-20\\35 "), element(POSITION, text))
    with pytest.raises(InputError, match=r"s02\.dcm is damaged: its Image Position Patient is not 3 numbers"):
        read_volume(tmp_path)


@pytest.mark.parametrize(
    "elements",
    [
        {"ImageOrientationPatient": ["0"] * 6},
        {"ImageOrientationPatient": ["1", "0", "0", "1", "0", "0"]},
        {"PixelSpacing": ["0.7"]},
        {"Rows": 0},
        {"Rows": 5000},
        {"BitsAllocated": 12},
        {"BitsAllocated": 1},
        {"NumberOfFrames": 2},
        {"NumberOfFrames": -1},
        {"SamplesPerPixel": 3},
    ],
    ids=str,
)
def test_a_header_that_cannot_be_true_is_named(tmp_path, elements):
    write_series(tmp_path, each=lambda number: elements if number == 2 else {})
    with pytest.raises(InputError, match=r"s02\.dcm is damaged"):
        read_volume(tmp_path)


@pytest.mark.parametrize("kept", [0, 64, 200, 400, 700, 900])
def test_a_file_is_named_wherever_it_was_cut(tmp_path, kept):
    write_series(tmp_path)
    path = tmp_path / "s05.dcm"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"s05\.dcm is damaged"):
        read_volume(tmp_path)
    with pytest.warns(VolumeWarning, match=r"Damaged files were left out: s05\.dcm"):
        volume = read_volume(tmp_path, ReadOptions(skip_damaged=True))
    np.testing.assert_array_equal(volume.voxels, VOXELS[:5])


@pytest.mark.parametrize(
    "syntax", [uid.JPEG2000Lossless, uid.JPEGLSLossless, uid.RLELossless, uid.DeflatedExplicitVRLittleEndian]
)
@pytest.mark.parametrize("cut", [20, 400])
def test_compressed_pixels_that_end_early_are_named(tmp_path, syntax, cut):
    write_series(tmp_path, stored=LARGE, finish=encoded(syntax))
    path = tmp_path / "s05.dcm"
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(InputError, match=r"s05\.dcm is damaged"):
        read_volume(tmp_path)
    with pytest.warns(VolumeWarning, match=r"s05\.dcm"):
        volume = read_volume(tmp_path, ReadOptions(skip_damaged=True))
    np.testing.assert_array_equal(volume.voxels, LARGE[:5])


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.JPEGLSLossless])
def test_compressed_pixels_of_nonsense_are_named(tmp_path, syntax, capfd):
    write_series(tmp_path, stored=LARGE, finish=encoded(syntax))
    path = tmp_path / "s00.dcm"
    content = bytearray(path.read_bytes())
    start = content.index(b"\xff\xf7" if syntax == uid.JPEGLSLossless else b"\xff\x4f\xff\x51")
    content[start : start + 200] = bytes(200)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"s00\.dcm is damaged"):
        read_volume(tmp_path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("syntax", [b"1.2.840.10008.1.2.7\0", b"1.2.826.0.1.36800.9\0"])
def test_an_encoding_without_a_decoder_is_named(tmp_path, syntax):
    write_series(tmp_path, finish=encoded(uid.RLELossless))
    replaced(tmp_path / "s00.dcm", uid.RLELossless.encode() + b"\0", syntax)
    for options in (ReadOptions(), ReadOptions(skip_damaged=True)):
        with pytest.raises(InputError, match=r"s00\.dcm is compressed in a way that cannot be decoded here"):
            read_volume(tmp_path, options)


def test_an_enhanced_file_that_describes_too_few_frames_is_named(tmp_path):
    def lose_one(ds: Dataset) -> None:
        del ds.PerFrameFunctionalGroupsSequence[-1]

    write_enhanced(tmp_path / "a.dcm", [(number, {}) for number in range(6)], finish=lose_one)
    with pytest.raises(InputError, match="holds 6 frames but describes 5"):
        read_volume(tmp_path / "a.dcm")


def test_a_mosaic_without_its_private_header_is_named(tmp_path):
    write_mosaic(tmp_path / "a.dcm", lps())
    replaced(tmp_path / "a.dcm", b"SIEMENS CSA HEADER", b"SOMETHING ELSE !!!")
    with pytest.raises(InputError, match="mosaic without the Siemens header"):
        read_volume(tmp_path)


def test_an_empty_file_among_slices_is_damaged(tmp_path):
    write_series(tmp_path)
    (tmp_path / "s06.dcm").touch()
    with pytest.raises(InputError, match=r"s06\.dcm is damaged"):
        list_volumes(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to the superuser")
def test_a_file_that_may_not_be_read_is_named(tmp_path):
    write_series(tmp_path)
    (tmp_path / "s03.dcm").chmod(0)
    with pytest.raises(InputError, match=r"s03\.dcm is damaged: it cannot be read"):
        read_volume(tmp_path)


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files_are_read_or_refused(tmp_path, seed):
    """Random bytes of headers are changed; whatever happens is a volume, a note or an InputError."""
    write_series(tmp_path / "a", slices=[0, 1, 2])
    write_enhanced(tmp_path / "b.dcm", [(number, {"StackID": "1"}) for number in range(3)])
    rng = np.random.default_rng(seed)
    refusals = []
    sources = {path: path.read_bytes() for path in (tmp_path / "a" / "s01.dcm", tmp_path / "b.dcm")}
    for _ in range(25):
        for path, content in sources.items():
            changed = bytearray(content)
            for place in rng.integers(132, len(content), 4):
                changed[place] = rng.integers(256)
            path.write_bytes(changed)
            for options in (ReadOptions(), ReadOptions(skip_damaged=True, resample=True)):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", VolumeWarning)
                    try:
                        read_volume(path if path.name == "b.dcm" else path.parent, options)
                    except InputError as refusal:
                        refusals.append(str(refusal))
            path.write_bytes(content)
    assert refusals
    assert not any("\n" in refusal for refusal in refusals)
