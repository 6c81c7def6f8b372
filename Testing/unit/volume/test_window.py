import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from medsam2.errors import InputError
from medsam2.volume import WINDOW_PRESETS, Geometry, Volume, Window, choose_window

SOFT_TISSUE = Window(-160, 240)
FINITE = {"allow_nan": False, "allow_infinity": False, "min_value": -(2.0**100), "max_value": 2.0**100}
SOME_VOXELS = st.sampled_from(["u1", "i1", "i2", "u2", "i4", "f4", "f8"]).flatmap(
    lambda dtype: arrays(dtype, (2, 3, 4), elements=FINITE if dtype[0] == "f" else None)
)


def a_volume(voxels: np.ndarray, modality: str | None = None) -> Volume:
    return Volume(voxels, Geometry(voxels.shape, np.eye(4)), modality)


def some_voxels(dtype=np.int16, low=-1000, high=1000, shape=(6, 20, 20)) -> np.ndarray:
    return np.random.default_rng(0).integers(low, high, shape).astype(dtype)


def test_grey_values_run_from_lower_to_upper():
    grey = SOFT_TISSUE.apply(np.array([[-32768, -160, 40, 240, 32767]], np.int16))
    assert grey.dtype == np.float32
    np.testing.assert_array_equal(grey, [[0, 0, 0.5, 1, 1]])


@settings(deadline=None)
@given(SOME_VOXELS)
def test_any_volume_becomes_grey_from_0_to_1(voxels):
    volume = a_volume(voxels)
    window = choose_window(volume)
    for index in range(2):
        grey = window.apply(volume.slice("k", index))
        assert np.isfinite(grey).all()
        assert grey.min() >= 0
        assert grey.max() <= 1


@pytest.mark.parametrize("value", [0, -5, 7, 1000])
def test_a_constant_volume_is_black(value):
    volume = a_volume(np.full((2, 3, 4), value, np.int16))
    assert not choose_window(volume).apply(volume.slice("k", 0)).any()


def test_two_values_stay_apart():
    voxels = np.zeros((2, 3, 4), np.int16)
    voxels[0, 1] = 9
    volume = a_volume(voxels)
    np.testing.assert_array_equal(choose_window(volume).apply(voxels[0]), voxels[0] / 9)


def test_presets_are_centred_on_their_level():
    ranges = {name: (window.lower, window.upper) for name, window in WINDOW_PRESETS.items()}
    assert ranges == {
        "soft-tissue": (-160, 240),
        "lung": (-1350, 150),
        "bone": (-500, 1300),
        "brain": (0, 80),
    }


@pytest.mark.parametrize("choice", [None, "auto"])
def test_ct_gets_the_soft_tissue_window(choice):
    assert choose_window(a_volume(some_voxels(), "CT"), choice) == SOFT_TISSUE


def test_mr_gets_percentiles_of_what_is_not_zero():
    voxels = some_voxels(low=1, high=900)
    voxels[:, :10] = 0
    expected = np.percentile(voxels[voxels != 0], [0.5, 99.5])
    window = choose_window(a_volume(voxels, "MR"))
    assert (window.lower, window.upper) == tuple(expected)


def test_large_volumes_are_sampled_and_not_copied():
    row = np.linspace(0, 1000, 2000).astype(np.int16)
    voxels = np.broadcast_to(row, (15, 2000, 2000))  # 60 million voxels in the memory of one row
    tracemalloc.start()
    window = choose_window(a_volume(voxels, "MR"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < voxels.nbytes / 2
    assert window.lower == pytest.approx(5, abs=2)
    assert window.upper == pytest.approx(995, abs=2)


@pytest.mark.parametrize("modality", [None, "CT", "MR"])
def test_8_bit_voxels_are_windowed_already(modality):
    assert choose_window(a_volume(some_voxels(np.uint8, 10, 90), modality)) == Window(0, 255)


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
def test_whole_numbers_from_0_to_255_are_windowed_already(dtype):
    voxels = some_voxels(dtype, 0, 256)
    assert choose_window(a_volume(voxels)) == Window(0, 255)


def test_fractions_from_0_to_255_are_not():
    voxels = some_voxels(np.float32, 0, 256)
    voxels[0, 0, :10] = 17.5
    assert choose_window(a_volume(voxels)) != Window(0, 255)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("lung", Window(-1350, 150)),
        ("-100:200.5", Window(-100, 200.5)),
        (" 1e2 : 2e2 ", Window(100, 200)),
        ((3, 4), Window(3, 4)),
    ],
)
def test_a_chosen_window_beats_the_modality(choice, expected):
    assert choose_window(a_volume(some_voxels(), "CT"), choice) == expected


@pytest.mark.parametrize("rubbish", ["", ":", "5", "a:b", "1:2:3", "Lung", "1,2"])
def test_rubbish_is_refused_with_the_presets(rubbish):
    with pytest.raises(InputError, match=r"LOWER:UPPER such as -160:240, auto, or one of soft-tissue, lung"):
        choose_window(a_volume(some_voxels()), rubbish)


def test_intensities_too_far_apart_for_a_window_are_refused():
    voxels = np.where(some_voxels() > 0, 1.7e308, -1.7e308)
    with pytest.raises(InputError, match=r"window -1.7e\+308:1.7e\+308 is empty or endless: give two"):
        choose_window(a_volume(voxels))


@pytest.mark.parametrize("empty", ["2:1", "1:1", "nan:1", "1:inf", (5, 5)])
def test_an_empty_window_is_refused(empty):
    with pytest.raises(InputError, match="the lower first"):
        choose_window(a_volume(some_voxels()), empty)
