"""The field of view with the shipped starter weights, from one click on synthetic CT-like volumes."""

import numpy as np
import pytest
from scipy import ndimage

from medsam2.prompt import Prompt
from medsam2.tracking import Tracker
from medsam2.volume import Geometry, Volume, VolumeMasks, VolumeSlices
from medsam2.weights.loading import load_model
from unit.tracking.examples import dice

SHAPE = (41, 192, 192)
SLICE, ROW, COLUMN = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]


@pytest.fixture(scope="module")
def network():
    return load_model("starter", device="cpu")


def ct(inside: np.ndarray) -> Volume:
    """A bright object in an elliptic body, with blur and noise, slices 2 mm apart."""
    body = ((ROW - 96) / 115) ** 2 + ((COLUMN - 96) / 115) ** 2 < 1
    hounsfield = np.where(inside, 130.0, np.where(body, 30.0, -100.0))
    hounsfield = ndimage.gaussian_filter(hounsfield, (0.3, 1, 1))
    hounsfield += 15 * np.random.default_rng(0).standard_normal(SHAPE)
    return Volume(hounsfield.astype(np.int16), Geometry(SHAPE, np.diag([1.0, 1.0, 2.0, 1.0])), "CT")


def track(network, inside: np.ndarray, slice_index: int, click: tuple[float, float]):
    """Dice over the volume, the field of view of the click, and all fields of view."""
    slices = VolumeSlices(ct(inside))
    tracker = Tracker(network, slices)
    first = tracker.prompt("object", Prompt(slice_index, points=((*click, True),))).field_of_view
    masks, fields_of_view = VolumeMasks(slices), []
    for mask in tracker.propagate():
        masks.put(mask)
        fields_of_view.append(mask.field_of_view)
    return dice(masks["object"], inside), first, fields_of_view


def test_a_click_near_the_volumes_edge(network):
    inside = np.broadcast_to((ROW - 100) ** 2 + (COLUMN + 2) ** 2 < 22**2, SHAPE)
    assert track(network, inside, 20, (100, 4))[0] > 0.85


def test_an_object_that_outgrows_the_first_field_of_view(network):
    inside = (ROW - 96) ** 2 + (COLUMN - 96) ** 2 < (8 + 1.6 * SLICE) ** 2
    score, first, fields_of_view = track(network, inside, 0, (96, 96))
    assert first.rows < 2 * (8 + 1.6 * 40), "the first view is smaller than the object at its largest"
    assert max(field_of_view.rows for field_of_view in fields_of_view) > first.rows
    assert score > 0.85


def test_an_object_that_drifts_out_of_the_first_field_of_view_over_40_slices(network):
    inside = (ROW - 96) ** 2 + (COLUMN - (40 + 2.8 * SLICE)) ** 2 < 10**2
    score, first, fields_of_view = track(network, inside, 0, (96, 40))
    assert not first.contains(96, 40 + 2.8 * 40)
    assert fields_of_view[-1] != first
    assert score > 0.85
