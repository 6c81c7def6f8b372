"""From stored values to intensities: encodings, rescaling, types, shades and colours."""

import io
import warnings
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import SimpleITK
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from medsam2.volume import ReadOptions, read_volume
from unit.volume.dicom.examples import VOXELS, group, write_enhanced, write_series
from unit.volume.dicom.special_files import LARGE, encoded

UNSIGNED = (VOXELS + 1024).astype(np.uint16)


def read_silently(path, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_volume(path, ReadOptions(**options))


@pytest.mark.parametrize(
    "syntax",
    [
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
        uid.RLELossless,
        uid.JPEGLSLossless,
        uid.JPEG2000Lossless,
    ],
    ids=lambda syntax: syntax.name,
)
@pytest.mark.parametrize("many_frames", [False, True])
def test_lossless_encodings_give_the_same_voxels(tmp_path, syntax, many_frames):
    if many_frames:
        order = [3, 0, 5, 1, 2, 4]
        frames = [(number, {}) for number in order]
        write_enhanced(tmp_path / "a.dcm", frames, stored=LARGE[order], finish=encoded(syntax))
    else:
        write_series(tmp_path, stored=LARGE, finish=encoded(syntax))
    np.testing.assert_array_equal(read_silently(tmp_path).voxels, LARGE)


def test_lossless_jpeg_as_gdcm_writes_it(tmp_path):
    write_series(tmp_path, stored=UNSIGNED, rescale=lambda number: (1, -1024), BitsStored=12, HighBit=11)
    for file in tmp_path.iterdir():
        writer = SimpleITK.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.UseCompressionOn()
        writer.SetCompressor("JPEG")
        writer.SetFileName(str(file))
        writer.Execute(SimpleITK.ReadImage(str(file)))
        assert uid.JPEGLosslessSV1.encode() in file.read_bytes()
    np.testing.assert_array_equal(read_silently(tmp_path).voxels, VOXELS)


@pytest.mark.parametrize(
    "syntax", [uid.JPEGLSNearLossless, uid.JPEG2000, uid.JPEGBaseline8Bit], ids=lambda s: s.name
)
def test_lossy_encodings_give_nearly_the_same_voxels(tmp_path, syntax):
    smooth = np.add.outer(np.arange(40), np.arange(48)).astype(np.uint8)

    def encode(ds: Dataset) -> None:
        if syntax == uid.JPEGBaseline8Bit:
            buffer = io.BytesIO()
            PIL.Image.fromarray(smooth).save(buffer, "JPEG", quality=95)
            ds.PixelData = encapsulate([buffer.getvalue()])
            ds["PixelData"].is_undefined_length = True
            ds.file_meta.TransferSyntaxUID = syntax
        else:
            ds.compress(
                syntax, **({"jls_error": 2} if syntax == uid.JPEGLSNearLossless else {"j2k_psnr": [50]})
            )

    write_series(tmp_path, stored=smooth[None], finish=encode)
    assert np.abs(read_silently(tmp_path).voxels[0].astype(int) - smooth).max() <= 8


@pytest.mark.parametrize(
    ("stored", "rescale", "dtype"),
    [
        (VOXELS, (1, 0), np.int16),
        (UNSIGNED, (1, 0), np.uint16),
        (UNSIGNED, (1, -1024), np.int32),
        (VOXELS, (3, 1), np.int32),
        (VOXELS.astype(np.int32) * 1000, (1, 0), np.int32),
        ((VOXELS % 256).astype(np.uint8), (1, 0), np.uint8),
        ((VOXELS % 256).astype(np.uint8), (1, -100), np.int16),
        ((VOXELS % 100).astype(np.int8), (1, 0), np.int8),
        (VOXELS, (0.25, 0), np.float32),
        (VOXELS.astype(np.int32) * 100000, (0.5, 3), np.float64),
    ],
    ids=str,
)
def test_the_type_holds_every_intensity(tmp_path, stored, rescale, dtype):
    slope, intercept = rescale
    write_series(tmp_path, stored=stored, rescale=lambda number: rescale)
    voxels = read_silently(tmp_path).voxels
    assert voxels.dtype == dtype
    np.testing.assert_array_equal(voxels, stored * float(slope) + intercept)


def test_each_slice_is_rescaled_by_its_own_numbers(tmp_path):
    write_series(tmp_path, stored=UNSIGNED, rescale=lambda number: (1 + number, -100 * number))
    right = [plane * (1 + number) - 100 * number for number, plane in enumerate(UNSIGNED.astype(int))]
    np.testing.assert_array_equal(read_silently(tmp_path).voxels, right)


def test_each_frame_is_rescaled_by_its_own_numbers(tmp_path):
    def rescaling(index):
        values = group(RescaleSlope=str(1 + index), RescaleIntercept=str(-7 * index), RescaleType="US")
        return {"PixelValueTransformationSequence": values}

    order = [2, 0, 1, 5, 4, 3]
    write_enhanced(tmp_path / "a.dcm", [(number, {}) for number in order], macros=rescaling)
    voxels = read_silently(tmp_path).voxels
    for index, number in enumerate(order):
        np.testing.assert_array_equal(voxels[number], VOXELS[number].astype(int) * (1 + index) - 7 * index)


def test_bits_that_are_not_in_use_may_hold_anything(tmp_path):
    overlays = (UNSIGNED | 0xF000).astype(np.uint16)
    write_series(tmp_path, stored=overlays, BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(read_silently(tmp_path).voxels, UNSIGNED)


def test_values_in_the_upper_bits_are_moved_down(tmp_path):
    write_series(tmp_path, stored=(UNSIGNED << 4).astype(np.uint16), BitsStored=12, HighBit=15)
    np.testing.assert_array_equal(read_silently(tmp_path).voxels, UNSIGNED)


@pytest.mark.parametrize("modality", ["CT", "MR", "PT", "OT"])
@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.JPEGLSLossless])
def test_measured_values_are_kept_however_they_are_shown(tmp_path, modality, syntax):
    elements = {"PhotometricInterpretation": "MONOCHROME1", "Modality": modality}
    write_series(tmp_path, finish=encoded(syntax), **elements)
    np.testing.assert_array_equal(read_silently(tmp_path).voxels, VOXELS)


def test_the_shades_of_an_x_ray_picture_are_those_on_the_screen(tmp_path):
    elements = {"PhotometricInterpretation": "MONOCHROME1", "Modality": "CR", "BitsStored": 12, "HighBit": 11}
    write_series(tmp_path, stored=UNSIGNED, slices=[0], **elements)
    np.testing.assert_array_equal(read_silently(tmp_path).voxels[0], 4095 - UNSIGNED[0].astype(int))


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.RLELossless])
def test_colours_become_their_luminance(tmp_path, syntax):
    colours = np.random.default_rng(1).integers(0, 256, (6, 12, 14, 3)).astype(np.uint8)
    write_series(tmp_path, stored=colours, finish=encoded(syntax))
    right = np.rint(colours @ np.array([0.299, 0.587, 0.114]))
    np.testing.assert_array_equal(read_silently(tmp_path).voxels, right)


def test_floating_point_pixels_are_read(tmp_path):
    floats = (VOXELS / 7).astype(np.float32)

    def store(ds: Dataset) -> None:
        del ds.PixelData, ds.PixelRepresentation, ds.BitsStored, ds.HighBit
        ds.BitsAllocated, ds.FloatPixelData = 32, floats.tobytes()

    write_enhanced(tmp_path / "a.dcm", [(number, {}) for number in range(6)], finish=store)
    np.testing.assert_array_equal(read_silently(tmp_path).voxels, floats)


def test_floats_beside_compressed_whole_numbers_are_read(tmp_path):
    def store_float(ds: Dataset) -> None:
        del ds.PixelData, ds.PixelRepresentation, ds.BitsStored, ds.HighBit
        ds.BitsAllocated, ds.FloatPixelData = 32, VOXELS[0].astype(np.float32).tobytes()

    write_series(tmp_path, slices=[0], finish=store_float)
    write_series(tmp_path, slices=range(1, 6), finish=encoded(uid.RLELossless))
    np.testing.assert_array_equal(read_silently(tmp_path).voxels, VOXELS)


def test_only_the_chosen_time_point_is_read(tmp_path):
    frames = [(number, {"TemporalPositionIndex": time}) for number in range(6) for time in (1, 2, 3)]
    stored = np.stack([VOXELS[number] + time["TemporalPositionIndex"] for number, time in frames])
    write_enhanced(tmp_path / "a.dcm", frames, stored=stored)
    np.testing.assert_array_equal(read_silently(tmp_path, volume=2).voxels, VOXELS + 2)


def test_no_pixels_or_names_are_left_behind(tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    write_series(tmp_path / "in", finish=encoded(uid.JPEGLSLossless))
    written = []
    write_bytes = Path.write_bytes

    def write_and_look(path: Path, content: bytes) -> None:
        write_bytes(path, content)
        written.append(path.read_bytes())

    monkeypatch.setattr(Path, "write_bytes", write_and_look)
    read_silently(tmp_path / "in")
    assert len(written) == 6
    assert not any(b"made up" in content for content in written)
    assert not list(scratch.iterdir())
