"""Prompts drawn from true masks."""

import pytest
import torch

from medsam2.model.prompt_encoder import BOX_END, BOX_START, NEGATIVE, PADDING, POSITIVE
from medsam2.training.prompts import corrective_clicks, first_prompts, jittered_box, random_click


@pytest.fixture
def squares() -> torch.Tensor:
    """200 masks (200, 64, 64) of one 20 x 12 rectangle, rows 10 to 29, columns 40 to 51."""
    masks = torch.zeros(200, 64, 64, dtype=torch.bool)
    masks[:, 10:30, 40:52] = True
    return masks


def hit(masks: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    x, y = points.long().unbind(1)
    return masks[torch.arange(len(masks)), y, x]


def test_clicks_lie_in_the_mask_and_deep_ones_nearer_its_middle(squares):
    torch.manual_seed(0)
    everywhere = random_click(squares, torch.zeros(200, dtype=torch.bool))
    deep = random_click(squares, torch.ones(200, dtype=torch.bool))
    assert hit(squares, everywhere).all()
    assert hit(squares, deep).all()
    middle = torch.tensor([45.5, 19.5])
    distance = [(clicks - middle).norm(dim=1).mean() for clicks in (deep, everywhere)]
    assert distance[0] < 0.8 * distance[1]


def test_boxes_lie_round_the_mask(squares):
    torch.manual_seed(0)
    assert torch.equal(jittered_box(squares, jitter=0)[0], torch.tensor([[40.0, 10.0], [51.0, 29.0]]))
    corners = jittered_box(squares)
    assert (corners[:, 0] - torch.tensor([40.0, 10.0])).abs().max() <= 0.08 * 19 + 1e-4


def test_first_prompts_are_clicks_and_boxes_with_the_labels_of_each(squares):
    torch.manual_seed(0)
    points, labels, is_box = first_prompts(squares)
    assert 0.35 < is_box.float().mean() < 0.65
    assert (labels[is_box] == torch.tensor([BOX_START, BOX_END])).all()
    assert (labels[~is_box] == torch.tensor([POSITIVE, PADDING])).all()
    assert hit(squares[~is_box], points[~is_box, 0]).all()


def test_corrections_go_to_the_larger_error(squares):
    torch.manual_seed(0)
    missed = squares & (torch.arange(64) < 46)  # right half of the columns is missing
    points, labels = corrective_clicks(missed, squares)
    assert (labels == POSITIVE).all()
    assert hit(squares & ~missed, points[:, 0]).all()
    leaked = squares.clone()
    leaked[:, 40:60, 5:30] = True
    points, labels = corrective_clicks(leaked, squares)
    assert (labels == NEGATIVE).all()
    assert hit(leaked & ~squares, points[:, 0]).all()


def test_a_perfect_mask_gets_another_positive_click(squares):
    points, labels = corrective_clicks(squares, squares)
    assert (labels == POSITIVE).all()
    assert hit(squares, points[:, 0]).all()
