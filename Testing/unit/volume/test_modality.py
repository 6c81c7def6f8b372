"""CT is told from its intensities, whatever pads it, and nothing else is taken for it."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from medsam2.errors import InputError
from medsam2.volume import (
    Geometry,
    ReadOptions,
    Volume,
    choose_window,
    guess_modality,
    read_volume,
)

CASES = Path(__file__).resolve().parents[4] / "shared" / "cases" / "inputs"
DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
needs_cases = pytest.mark.skipif(
    not CASES.is_dir(), reason="the inputs that go wrong are not beside the repository"
)
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the real cases are not beside the repository")
SHAPE = (6, 64, 64)
Y, X = np.indices(SHAPE[1:]) - 31.5
BODY, CORNERS = np.hypot(X, Y) < 24, np.hypot(X, Y) > 32
RANDOM = np.random.default_rng(0)


def noise(sigma: float) -> np.ndarray:
    return RANDOM.normal(0, sigma, SHAPE)


def a_ct(dtype=np.int16, sigma=15.0) -> np.ndarray:
    """A body of muscle, fat, an organ, bone and lungs, in air."""
    plane = np.where(BODY, -100, -1000)
    plane[np.hypot(X, Y) < 20] = 50
    plane[np.hypot(X + 8, Y) < 8] = 120
    plane[np.hypot(X - 10, Y) < 6] = -850
    plane[np.hypot(X, Y - 14) < 4] = 700
    return np.round(np.maximum(plane + noise(sigma), -1024)).astype(dtype)


def an_mr(dtype=np.int16, scale=1.0) -> np.ndarray:
    """A bright body with dark background, magnitudes."""
    plane = np.where(BODY, 300 + 4 * X, 0) * scale
    return np.round(np.hypot(plane + noise(12 * scale), noise(12 * scale))).astype(dtype)


def padded(voxels: np.ndarray, value: float, where=CORNERS) -> np.ndarray:
    return np.where(where, voxels.dtype.type(value), voxels)


def window_of(voxels: np.ndarray, modality: str | None) -> tuple[float, float]:
    window = choose_window(Volume(voxels, Geometry(voxels.shape, np.eye(4)), modality))
    return window.lower, window.upper


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_a_ct_is_told_from_its_intensities(dtype):
    assert guess_modality(a_ct(dtype)) == "CT"


@pytest.mark.parametrize("value", [-1024, -1100, -1500, -2000, -2048, -3024, -4096, -10000, -32768])
@pytest.mark.parametrize("where", [CORNERS, ~BODY], ids=["corners", "all round the body"])
def test_padding_makes_no_ct_another_image(value, where):
    assert guess_modality(padded(a_ct(), value, where)) == "CT"


@pytest.mark.parametrize("value", [-1e6, -1e30, np.finfo(np.float32).min])
def test_padding_of_a_float_ct_does_not_either(value):
    assert guess_modality(padded(a_ct(np.float32), value)) == "CT"


def test_two_kinds_of_padding_do_not_either():
    voxels = padded(a_ct(), -2000)
    voxels[:, :5] = -32768
    assert guess_modality(voxels) == "CT"


def test_padding_that_was_resampled_does_not_either():
    voxels = padded(a_ct(np.float32), -32768)
    assert guess_modality((voxels[:, 1:] + voxels[:, :-1]) / 2) == "CT"


def test_padding_with_zeros_does_not_either():
    assert guess_modality(padded(a_ct(), 0)) == "CT"


@pytest.mark.parametrize("high", [400, 800, 1000, 1500])
def test_a_ramp_of_hounsfield_units_is_a_ct(high):
    assert guess_modality(np.linspace(-1000, high, 4800).reshape(8, 20, 30).astype(np.int16)) == "CT"


def test_streaks_of_metal_do_not_either():
    voxels = a_ct()
    voxels[2, 30, 20:40] = -9000
    voxels[2, 31, 20:40] = 12000
    assert guess_modality(voxels) == "CT"


def test_a_phantom_without_noise_or_fat_is_a_ct():
    plane = np.where(BODY, 40, -1000)
    plane[np.hypot(X, Y) < 8] = 140
    assert guess_modality(np.repeat(plane[None].astype(np.int16), 4, 0)) == "CT"


OTHERS = {
    "MR": an_mr(),
    "MR as float": an_mr(np.float32),
    "dark MR": an_mr(scale=0.3),
    "MR minus its mean": (an_mr() - 150).astype(np.int16),
    "MR of unit variance": ((an_mr(np.float32) - 150) / 150).astype(np.float32),
    "PET": np.where(BODY, 3000 + 20 * Y + noise(300), np.abs(noise(20))).astype(np.float32),
    "SUV": np.where(BODY, 1 + noise(0.3), 0).astype(np.float32),
    "PET with negative noise": np.where(BODY, 5000 + noise(800), noise(400)).astype(np.int16),
    "phase of 12 bits": np.clip(noise(4000), -4096, 4095).astype(np.int16),
    "phase in thousandths": RANDOM.uniform(-3142, 3142, SHAPE).astype(np.int16),
    "difference of two MR": (an_mr() - an_mr() + noise(150)).astype(np.int16),
    "wide difference of two MR": noise(500).astype(np.int16),
    "phase of 11 bits": RANDOM.integers(-2048, 2048, SHAPE).astype(np.int16),
    "field map": (80 * X + 20 * Y + noise(5)).astype(np.float32),
    "counts of full range": RANDOM.integers(-32768, 32767, SHAPE).astype(np.int16),
    "a CT through a window": np.clip((a_ct() + 160) / 400 * 255, 0, 255).astype(np.uint8),
    "a CT that was never rescaled": (a_ct().astype(np.int32) + 1024).astype(np.uint16),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_images_are_no_ct(kind):
    assert guess_modality(OTHERS[kind]) is None


@pytest.mark.parametrize("value", [-1, -1000, -1024, -2000, -32768])
@pytest.mark.parametrize("kind", ["MR", "MR as float", "PET"])
def test_padding_makes_no_ct_of_another_image(kind, value):
    assert guess_modality(padded(OTHERS[kind], value)) is None


@pytest.mark.parametrize("value", [-1, -1000, -32768])
@pytest.mark.parametrize("kind", ["MR", "MR as float", "PET"])
def test_padding_does_not_change_the_window(kind, value):
    voxels = OTHERS[kind][:, 16:48, 16:48]
    framed = np.pad(voxels, ((0, 0), (8, 8), (8, 8)), constant_values=value)
    assert window_of(framed, None) == pytest.approx(window_of(voxels, None), rel=0.02)


def write(path: Path, voxels: np.ndarray) -> Path:
    nibabel.Nifti1Image(voxels.T, np.eye(4)).to_filename(path)
    return path


def test_the_user_has_the_last_word(tmp_path):
    path = write(tmp_path / "a.nii", a_ct())
    assert read_volume(path).modality == "CT"
    assert read_volume(path, ReadOptions(modality="mr")).modality == "MR"
    assert read_volume(write(tmp_path / "b.nii", an_mr()), ReadOptions(modality="CT")).modality == "CT"


def test_another_word_is_refused_with_those_of_dicom():
    with pytest.raises(InputError, match="'MRI': give DICOM's word for it, CT, MR"):
        ReadOptions(modality="MRI")


def test_a_ct_that_was_never_rescaled_gets_a_window_of_its_own():
    voxels = OTHERS["a CT that was never rescaled"]
    assert window_of(voxels, "CT") == window_of(voxels, None)
    with_negative_air = (a_ct() + 1000).astype(np.int16)
    assert with_negative_air.min() < 0
    assert window_of(with_negative_air, "CT")[1] > 500
    for in_hounsfield_units in (a_ct(), np.where(a_ct() > 100, a_ct(), 0)):  # the second is an organ cut out
        assert window_of(in_hounsfield_units, "CT") == (-160, 240)


@needs_cases
def test_the_padded_ct_of_the_cases_is_a_ct():
    volume = read_volume(CASES / "18_padded_ct.nii.gz")
    assert volume.modality == "CT"
    assert choose_window(volume) == choose_window(volume, "soft-tissue")


@needs_data
def test_a_real_ct_is_told_without_its_tags():
    assert guess_modality(read_volume(DATA / "ct_dicom").voxels) == "CT"
