"""Prompts lie where a person who knows the truth would put them."""

import numpy as np

from medsam2.evaluation.user_prompts import central_box, central_click, corrective_click, three_boxes
from medsam2.slice_grid import SliceGrid


def block(*box: slice, shape=(6, 20, 20)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[box] = True
    return mask


def test_click_and_box_lie_on_the_largest_slice():
    truth = block(slice(1, 5), slice(8, 11), slice(8, 11)) | block(slice(2, 3), slice(4, 13), slice(4, 13))
    click, box = central_click(truth), central_box(truth)
    assert (click.slice_index, click.points) == (2, ((8.0, 8.0, True),))
    assert (box.slice_index, box.box) == (2, (3.5, 3.5, 12.5, 12.5))


def test_the_middle_is_measured_in_millimetres():
    """A square, and a strip that is narrower in voxels; with columns far apart the strip is deeper."""
    truth = block(slice(0, 1), slice(2, 9), slice(2, 9)) | block(slice(0, 1), slice(2, 17), slice(12, 17))
    assert central_click(truth, spacing=(1.0, 1.0)).points == ((5.0, 5.0, True),)
    row, column, _ = central_click(truth, spacing=(1.0, 10.0)).points[0]
    assert row == 9.0
    assert column >= 12.0


def test_boxes_on_first_middle_and_last_slice_only_once_each():
    assert [box.slice_index for box in three_boxes(block(slice(1, 6), slice(4, 9), slice(4, 9)))] == [1, 3, 5]
    assert [box.slice_index for box in three_boxes(block(slice(2, 4), slice(4, 9), slice(4, 9)))] == [2, 3]
    assert [box.slice_index for box in three_boxes(block(slice(2, 3), slice(4, 9), slice(4, 9)))] == [2]


def test_a_box_round_one_voxel_has_an_area():
    central_box(block(slice(2, 3), slice(4, 5), slice(4, 5))).check(6, SliceGrid((20, 20), (1.0, 1.0)))


def test_a_correction_adds_what_was_missed():
    truth = block(slice(1, 5), slice(4, 13), slice(4, 13))
    predicted = truth & ~block(slice(3, 4), slice(4, 9), slice(4, 9))
    predicted |= block(slice(1, 2), slice(15, 17), slice(15, 17))
    click = corrective_click(predicted, truth)
    assert (click.slice_index, click.points) == (3, ((6.0, 6.0, True),))


def test_a_correction_removes_the_larger_leak():
    truth = block(slice(1, 5), slice(4, 7), slice(4, 7))
    predicted = truth | block(slice(4, 5), slice(10, 17), slice(10, 17))
    click = corrective_click(predicted, truth)
    assert (click.slice_index, click.points) == (4, ((13.0, 13.0, False),))


def test_one_large_part_counts_more_than_many_small_ones():
    truth = np.zeros((2, 20, 20), bool)
    truth[0, ::2, ::2] = True
    truth[1, 5:10, 5:10] = True
    assert corrective_click(np.zeros_like(truth), truth).slice_index == 1


def test_no_correction_where_nothing_is_wrong():
    truth = block(slice(1, 5), slice(4, 7), slice(4, 7))
    assert corrective_click(truth, truth) is None
