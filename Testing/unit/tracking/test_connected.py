"""What is left of a prompted slice's mask once the person's prompt has its say."""

import numpy as np
import pytest
import torch

from medsam2.tracking import FieldOfView
from medsam2.tracking.connected import BOX_MARGIN, REACH, near_prompt
from medsam2.volume import Prompt

FIELD_OF_VIEW = FieldOfView(0, 0, 64, 64)  # one pixel of the logits shows one voxel


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
