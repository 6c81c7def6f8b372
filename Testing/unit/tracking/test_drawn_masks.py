"""Clicks and strokes on a slice whose mask a person drew: it changes near them, and not a voxel elsewhere."""

import numpy as np
import pytest

from medsam2.placed_mask import PlacedMask
from medsam2.prompt import DrawnLine, Prompt
from medsam2.tracking import Tracker
from medsam2.volume import ImageSet
from medsam2.weights.loading import load_model

SIDE = 128
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]
OBJECT = np.hypot(ROWS - 64, COLUMNS - 60) < 25
LEAK = (np.hypot(ROWS - 64, COLUMNS - 88) < 7) & ~OBJECT
TOOTH = (np.hypot(ROWS - 64, COLUMNS - 37) < 6) & OBJECT
SEAM = OBJECT & (ROWS == 41)
"""One row of voxels, finer than the network sees."""
DRAWN = (OBJECT | LEAK) & ~TOOTH & ~SEAM
AWAY, BACK = (64.0, 90.0, False), (64.0, 38.0, True)


@pytest.fixture(scope="module")
def starter():
    return load_model("starter", "cpu")


@pytest.fixture
def tracker(starter):
    image = np.where(OBJECT, 0.7, 0.3) + np.random.default_rng(0).normal(0, 0.02, OBJECT.shape)
    tracker = Tracker(starter, ImageSet([image.astype(np.float32)]))
    tracker.prompt("object", Prompt(0, mask=PlacedMask.cropped(DRAWN)))
    return tracker


def after(tracker: Tracker, *clicks: tuple[float, float, bool]) -> np.ndarray:
    return tracker.prompt("object", Prompt(0, points=clicks)).mask.full(OBJECT.shape)


def test_a_negative_click_takes_the_part_too_much_and_nothing_else(tracker):
    mask = after(tracker, AWAY)
    assert not mask[64, 90]
    assert (mask & LEAK).sum() < 0.5 * LEAK.sum()
    far = np.hypot(ROWS - 64, COLUMNS - 90) > 20
    assert (mask == DRAWN)[far].all()


def test_a_positive_click_fills_what_is_missing_and_nothing_else(tracker):
    mask = after(tracker, BACK)
    assert mask[64, 38]
    assert (mask & TOOTH).sum() > 0.5 * TOOTH.sum()
    far = np.hypot(ROWS - 64, COLUMNS - 38) > 20
    assert (mask == DRAWN)[far].all()


def test_one_click_after_another_corrects_the_same_mask(tracker):
    after(tracker, AWAY)
    mask = after(tracker, BACK)
    assert mask[64, 38]
    assert not mask[64, 90]
    assert (mask != OBJECT).sum() < 0.6 * (DRAWN != OBJECT).sum()
    assert not (mask & SEAM)[:, 45:75].any()


def test_a_click_that_agrees_with_the_mask_changes_nothing(tracker):
    assert (after(tracker, (64.0, 60.0, True), (20.0, 20.0, False)) == DRAWN).all()


def test_a_negative_click_in_the_middle_takes_all_of_it(tracker):
    assert not after(tracker, (64.0, 62.0, False)).any()


def test_strokes_do_likewise(tracker):
    away = DrawnLine(((58.0, 89.0), (70.0, 89.0)), positive=False)
    mask = tracker.prompt("object", Prompt(0, strokes=(away,))).mask.full(OBJECT.shape)
    assert not mask[58:71, 89].any()
    assert (mask & LEAK).sum() < 0.5 * LEAK.sum()
    back = DrawnLine(((61.0, 37.0), (67.0, 37.0)), positive=True)
    mask = tracker.prompt("object", Prompt(0, strokes=(back,))).mask.full(OBJECT.shape)
    assert (mask & TOOTH).sum() > 0.5 * TOOTH.sum()
    assert not (mask & SEAM)[:, 45:75].any()
    assert (mask != OBJECT).sum() < 0.6 * (DRAWN != OBJECT).sum()
