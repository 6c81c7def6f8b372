"""What is left of a mask once the prompt has its say, and which clicks say that all of it is wrong."""

import numpy as np
import pytest
import torch

from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.slice_grid import SliceGrid
from medsam2.tracking import FieldOfView
from medsam2.tracking.mask_rules import BOX_MARGIN, REACH, is_rejected, near_prompt

FIELD_OF_VIEW = FieldOfView(0, 0, 64, 64)  # one pixel of the logits shows one voxel

# 9 x 15 voxels of a slice, of which the first is at row 10, column 20: a blob with a thin tail.
BLOB = np.zeros((9, 15), bool)
BLOB[:, :9] = True
BLOB[4, 9:] = True
MASK = PlacedMask.packed(BLOB, 10, 20)


def answer(prompt: Prompt) -> np.ndarray:
    """What is left of a mask that covers all but the field of view's rim, (64, 64) bool."""
    logits = torch.full((1, 1, 64, 64), -4.0)
    logits[..., 2:62, 2:62] = 4.0
    return (near_prompt(logits, prompt, FIELD_OF_VIEW)[0, 0] > 0).numpy()


@pytest.mark.parametrize("box", [(19.5, 9.5, 39.5, 49.5), (39.5, 49.5, 19.5, 9.5)])
def test_a_mask_stays_within_its_box(box):
    rows, columns = np.nonzero(answer(Prompt(0, box=box)))
    assert (rows.min(), rows.max()) == (20 - 20 * BOX_MARGIN, 39 + 20 * BOX_MARGIN)
    assert (columns.min(), columns.max()) == (10 - 40 * BOX_MARGIN, 49 + 40 * BOX_MARGIN)


def test_a_click_beyond_the_box_lets_the_mask_out():
    box = (19.5, 9.5, 39.5, 49.5)
    inside, outside = ((30.0, 30.0, True),), ((50.0, 30.0, True),)
    assert (answer(Prompt(0, inside, box)) == answer(Prompt(0, box=box))).all()
    assert answer(Prompt(0, inside + outside, box)).sum() == 60 * 60
    negative = ((50.0, 30.0, False),)
    assert (answer(Prompt(0, inside + negative, box)) == answer(Prompt(0, box=box))).all()


@pytest.mark.parametrize(("column", "is_reached"), [(10.49, False), (10.5, True), (11.49, True)])
def test_a_click_between_two_pixels_reaches_from_the_higher_one(column, is_reached):
    logits = torch.full((1, 1, 64, 64), -4.0)
    logits[..., 20:40, 5:9] = logits[..., 30, 11 + REACH] = 4.0
    kept = near_prompt(logits, Prompt(0, ((30.0, 7.0, True), (30.0, column, True))), FIELD_OF_VIEW)
    assert (kept[0, 0, 30, 11 + REACH] > 0) == is_reached


def rejected(*points, box=None, mask=MASK, spacing=(1.0, 1.0)) -> bool:
    return is_rejected(mask, Prompt(3, points=points, box=box), SliceGrid((64, 80), spacing))


def test_a_negative_click_in_the_middle_rejects():
    assert rejected((14.0, 24.0, False))
    assert rejected((14.4, 23.6, False))


@pytest.mark.parametrize("place", [(10.0, 20.0), (12.0, 24.0), (14.0, 33.0), (2.0, 3.0), (40.0, 60.0)])
def test_a_negative_click_elsewhere_only_corrects(place):
    assert not rejected((*place, False))


def test_a_prompt_that_shows_the_object_never_rejects():
    middle = (14.0, 24.0, False)
    assert not rejected((14.0, 24.0, True))
    assert not rejected(middle, (12.0, 22.0, True))
    assert not rejected(middle, box=(10.0, 20.0, 18.0, 34.0))


def test_depth_is_in_millimetres():
    """Rows lie so close that all of the middle row is as deep as can be."""
    wide = PlacedMask.packed(np.ones((5, 15), bool), 10, 20)
    assert rejected((12.0, 22.0, False), mask=wide, spacing=(0.1, 1.0))
    assert not rejected((12.0, 22.0, False), mask=wide, spacing=(1.0, 0.1))


def test_an_empty_mask_is_not_rejected():
    assert not rejected((14.0, 24.0, False), mask=PlacedMask.packed(np.zeros((0, 0), bool)))
