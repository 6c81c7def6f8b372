"""The losses of an answer: of fine-tuning, and of the starter weights."""

import math

import pytest
import torch

from medsam2.model.mask_decoder import Candidates
from medsam2.training.losses import fine_tuning_loss
from medsam2_lab.starter.loss import ABSENT_WEIGHT, starter_loss

YES = torch.ones(1, dtype=torch.bool)
LOSSES = pytest.mark.parametrize("loss", [starter_loss, fine_tuning_loss])


@pytest.fixture
def target() -> torch.Tensor:
    """A square of 64 pixels in an image of 256."""
    target = torch.zeros(1, 16, 16)
    target[:, 4:12, 4:12] = 1
    return target


def candidates(logits: torch.Tensor, object_score: float = 5.0) -> Candidates:
    """Candidates (1, 4, s, s) with a predicted IoU of 1 for all."""
    return Candidates(logits, torch.ones(1, 4), torch.zeros(1, 4, 8), torch.tensor([object_score]))


@LOSSES
def test_an_ambiguous_answer_is_judged_by_its_best_mask_and_a_clear_one_by_the_single_mask(loss, target):
    right, wrong = 20 * target - 10, 10 - 20 * target
    third_is_right = candidates(torch.stack([wrong, wrong, wrong, right], 1))
    single_is_right = candidates(torch.stack([right, wrong, wrong, wrong], 1))
    assert loss(third_is_right, target, YES, YES) < loss(single_is_right, target, YES, YES)
    assert loss(single_is_right, target, YES, ~YES) < loss(third_is_right, target, YES, ~YES)


@LOSSES
def test_masks_do_not_count_where_the_object_is_absent(loss, target):
    nothing = torch.zeros_like(target)
    one = candidates(torch.full((1, 4, 16, 16), 9.0), object_score=-5.0)
    other = candidates(torch.full((1, 4, 16, 16), -9.0), object_score=-5.0)
    assert loss(one, nothing, ~YES, YES) == loss(other, nothing, ~YES, YES)
    worse = one._replace(object_score=torch.tensor([5.0]))
    assert loss(one, nothing, ~YES, YES) < loss(worse, nothing, ~YES, YES)


def test_the_loss_of_fine_tuning_is_that_of_the_recipe(target):
    # Every pixel at probability 1/2: focal by hand, soft Dice with sums 32, 128 and 64, IoU 0, score at 0.
    undecided = candidates(torch.zeros(1, 4, 16, 16), object_score=0.0)
    share = 64 / 256
    focal = (0.25 * share + 0.75 * (1 - share)) * math.log(2) * 0.5**2
    dice = 1 - (2 * 32 + 1) / (128 + 64 + 1)
    expected = 20 * focal + dice + 1 + math.log(2)
    assert float(fine_tuning_loss(undecided, target, YES, ~YES)) == pytest.approx(expected, rel=1e-4)
    assert float(fine_tuning_loss(undecided, target, YES, YES)) == pytest.approx(expected, rel=1e-4)


def test_the_starter_minds_a_mask_after_the_end_more_than_a_lost_object(target):
    right, undecided = 20 * target - 10, candidates(torch.zeros(1, 4, 16, 16), object_score=0.0)
    answer = candidates(torch.stack([right] * 4, 1), object_score=0.0)
    ended = starter_loss(undecided, torch.zeros_like(target), ~YES, ~YES)
    assert ended == pytest.approx(ABSENT_WEIGHT * math.log(2), rel=1e-4)
    assert starter_loss(answer, target, YES, ~YES) == pytest.approx(math.log(2), abs=0.01)
