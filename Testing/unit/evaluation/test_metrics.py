"""Scores against values worked out by hand."""

import numpy as np
import pytest

from medsam2.evaluation.metrics import Overlap, overlap

SHAPE = (12, 30, 30)
NOTHING = np.zeros(SHAPE, bool)


def block(first: int, last: int) -> np.ndarray:
    mask = NOTHING.copy()
    mask[2:10, 8:16, first:last] = True
    return mask


def test_a_perfect_mask():
    assert overlap(block(4, 12), block(4, 12), (1.0, 1.0, 1.0)) == Overlap(1.0, 1.0, 0.0)


def test_surfaces_are_not_measured_on_slanting_axes():
    assert overlap(block(4, 12), block(4, 8), None) == Overlap(pytest.approx(2 / 3), None, None)
    assert overlap(block(4, 4), block(4, 8), None) == Overlap(0.0, None, None)


def test_a_block_moved_by_three_voxels():
    scores = overlap(block(7, 15), block(4, 12), (1.0, 1.0, 1.0))
    assert scores.dice == pytest.approx(5 / 8)
    assert scores.hd95 == pytest.approx(3.0)
    # The two ends are 3 mm off, the sides within 2 mm of each other but for the last bits.
    assert 0.6 < scores.nsd < 0.95


def test_distances_are_in_millimetres():
    near = overlap(block(7, 15), block(4, 12), (1.0, 1.0, 0.5))
    assert near.dice == pytest.approx(5 / 8)
    assert near.hd95 == pytest.approx(1.5)
    assert near.nsd == pytest.approx(1.0)
    far = overlap(block(7, 15), block(4, 12), (1.0, 1.0, 2.0))
    assert far.hd95 == pytest.approx(6.0)
    assert far.nsd < overlap(block(7, 15), block(4, 12), (1.0, 1.0, 1.0)).nsd


def test_a_far_part_counts_for_the_distance():
    predicted = block(4, 12)
    predicted[2:10, 8:16, 28:30] = True
    assert overlap(predicted, block(4, 12), (1.0, 1.0, 1.0)).hd95 == pytest.approx(18.0)


def test_the_place_in_the_volume_does_not_matter():
    mask = np.zeros((3, 5, 5), bool)
    mask[:, 1:, :3] = True
    inside = np.pad(mask, 4)
    moved = np.roll(mask, 1, axis=2)
    assert (
        overlap(mask, moved, (2.0, 1.0, 1.0)).dice == overlap(inside, np.pad(moved, 4), (2.0, 1.0, 1.0)).dice
    )


def test_a_picture_has_scores_too():
    truth, predicted = np.zeros((1, 30, 30), bool), np.zeros((1, 30, 30), bool)
    truth[0, 5:15, 5:15] = True
    predicted[0, 5:15, 10:20] = True
    scores = overlap(predicted, truth, (1.0, 1.0, 1.0))
    assert scores.dice == pytest.approx(0.5)
    assert scores.hd95 == pytest.approx(5.0)


def test_the_inside_of_a_picture_is_no_surface():
    truth, predicted = np.zeros((1, 60, 60), bool), np.zeros((1, 60, 60), bool)
    truth[0, 5:45, 5:45] = True
    predicted[0, 5:45, 15:55] = True
    scores = overlap(predicted, truth, (1.0, 1.0, 1.0))
    assert scores.hd95 == pytest.approx(10.0)
    # Of each outline 30 mm of rows 5 and 44 agree, and 2 mm at either end, one of them round the corner.
    assert scores.nsd == pytest.approx((30 + 2 + 2) / 80, abs=0.03)


def test_empty_masks():
    assert overlap(NOTHING, NOTHING, (1.0, 1.0, 1.0)) == Overlap(None, None, None)
    assert overlap(NOTHING, block(4, 12), (1.0, 1.0, 1.0)) == Overlap(0.0, 0.0, None)
    assert overlap(block(4, 12), NOTHING, (1.0, 1.0, 1.0)) == Overlap(0.0, 0.0, None)
