"""The synthetic CT of the demo."""

import numpy as np
import pytest

from medsam2.cli.phantom import central_click, dice, make_phantom


@pytest.fixture(scope="module")
def phantom():
    return make_phantom()


def test_it_is_the_same_every_time(phantom):
    np.testing.assert_array_equal(make_phantom().volume.voxels, phantom.volume.voxels)


def test_it_looks_like_a_ct(phantom):
    voxels = phantom.volume.voxels
    assert voxels.dtype == np.int16
    assert phantom.volume.modality == "CT"
    assert phantom.volume.geometry.spacing == (3.0, 2.0, 2.0)
    assert voxels[:, 0, 0].mean() == pytest.approx(-1000, abs=5)
    assert voxels[phantom.labels["liver"]].mean() == pytest.approx(110, abs=10)
    assert voxels[phantom.labels["aorta"]].mean() > voxels[phantom.labels["liver"]].mean()


def test_organs_do_not_overlap_and_lie_on_their_sides(phantom):
    assert np.sum(list(phantom.labels.values()), axis=0).max() == 1
    assert all(mask.any() for mask in phantom.labels.values())

    def right_mm(name: str) -> float:
        return phantom.volume.geometry.kji_to_ras(np.argwhere(phantom.labels[name])).mean(axis=0)[0]

    assert right_mm("liver") > 0 > right_mm("spleen")
    assert right_mm("kidney right") > 0 > right_mm("kidney left")


@pytest.mark.parametrize("organ", ["liver", "spleen", "kidney right", "kidney left", "aorta", "spine"])
def test_only_the_bowel_holds_gas(phantom, organ):
    """Partial volume with fat or with gas beside it reaches no further down than this."""
    assert phantom.volume.voxels[phantom.labels[organ]].min() > -400
    assert phantom.volume.voxels[phantom.labels["bowel"]].min() < -700


def test_the_click_is_the_deepest_point_of_the_largest_slice():
    mask = np.zeros((3, 21, 31), bool)
    mask[1, 4:17, 6:19] = True
    mask[1, 4:7, 19:30] = True
    mask[2, 4:17, 6:19] = True
    assert central_click(mask) == (1, 10, 12)


def test_dice():
    one, other = np.zeros((2, 4), bool)
    one[:2] = other[1:3] = True
    assert dice(one, other) == 0.5
    assert dice(one, one) == 1
