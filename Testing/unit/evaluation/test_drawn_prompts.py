"""Strokes run along the middle and lassos round the object, as a somewhat unsteady hand draws them."""

import numpy as np
import pytest

from medsam2.evaluation.drawn_prompts import central_stroke, lasso
from medsam2.evaluation.protocols import segment
from medsam2.evaluation.snapshot import volume_snapshot
from medsam2.slice_grid import SliceGrid
from medsam2.tracking.drawn_lines import enclosed
from unit.evaluation.examples import BALLS
from unit.tracking.examples import a_tracker, dice, disc

SHAPE = (90, 100)
GRID = SliceGrid(SHAPE, (1.0, 1.0))
ARC = disc(SHAPE, (60, 50), 42) & ~disc(SHAPE, (66, 50), 34)
"""A bent object, up to 14 voxels thick."""


def volume(region: np.ndarray) -> np.ndarray:
    return np.stack([np.zeros_like(region), region, np.zeros_like(region)])


def test_a_stroke_follows_a_bent_object_from_end_to_end():
    prompt = central_stroke(volume(ARC))
    (stroke,) = prompt.strokes
    rows, columns = np.round(np.transpose(stroke.positions)).astype(int)
    assert prompt.slice_index == 1
    assert ARC[rows, columns].all()
    assert np.ptp(columns) > 60


def test_a_stroke_stays_in_an_object_of_one_voxel_or_with_holes():
    one = np.zeros(SHAPE, bool)
    one[5, 7] = True
    (stroke,) = central_stroke(volume(one)).strokes
    assert GRID.voxel(*stroke.positions[0]) == (5, 7)
    holed = ARC & ~disc(SHAPE, (24, 50), 3)
    central_stroke(volume(holed)).check(3, GRID)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (2.5, 0.7)])
def test_a_lasso_holds_the_object_and_little_more(spacing):
    prompt = lasso(volume(ARC), spacing)
    inside = enclosed(prompt.lassos, GRID)
    assert (inside & ARC).sum() > 0.98 * ARC.sum()
    assert dice(inside, ARC) > 0.7
    assert inside.sum() > 1.03 * ARC.sum()


def test_each_larger_part_has_a_lasso_of_its_own_also_at_the_rim_of_the_slice():
    parts = disc(SHAPE, (0, 10), 9) | disc(SHAPE, (50, 70), 12)
    parts[85, 5] = True
    prompt = lasso(volume(parts))
    assert len(prompt.lassos) == 2
    prompt.check(3, GRID)


def test_the_hand_sways_the_same_way_every_time():
    assert central_stroke(volume(ARC)) == central_stroke(volume(ARC))
    assert lasso(volume(ARC)) == lasso(volume(ARC))


def test_a_lasso_segments_a_structure():
    truth = BALLS["left"]
    (stage,) = segment(a_tracker(truth), truth, "lasso", clicks=5)
    assert len(stage.prompts[0].lassos) == 1
    assert dice(stage.mask, truth) > 0.9


@pytest.mark.parametrize(("protocol", "is_closed"), [("stroke", False), ("lasso", True)])
def test_the_picture_of_the_report_shows_the_line_where_it_was_drawn(protocol, is_closed):
    truth = BALLS["left"]
    tracker = a_tracker(truth)
    (stage,) = segment(tracker, truth, protocol, clicks=5)
    panel = volume_snapshot(tracker.slices, stage, truth)[0]
    (line,) = panel.lines
    assert (line[0] == line[-1]) == is_closed
    middle = np.argwhere(panel.truth).mean(axis=0)
    np.testing.assert_allclose(np.mean(line, axis=0), middle[::-1], atol=1.5)
