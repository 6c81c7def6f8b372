"""Prompts drawn from true masks, and planted leaks."""

import pytest
import torch

from medsam2.model.prompt_encoder import BOX_END, BOX_START, NEGATIVE, PADDING, POSITIVE
from medsam2.training import prompts
from medsam2.training.prompts import (
    LEAK_LOGIT,
    corrective_clicks,
    first_prompts,
    jittered_box,
    random_click,
    with_leaks,
)

SIZE = 32


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


def test_boxes_lie_round_the_mask(squares, monkeypatch):
    torch.manual_seed(0)
    corners = jittered_box(squares)
    assert (corners[:, 0] - torch.tensor([40.0, 10.0])).abs().max() <= 0.08 * 19 + 1e-4
    monkeypatch.setattr(prompts, "BOX_JITTER", 0)
    assert torch.equal(jittered_box(squares)[0], torch.tensor([[40.0, 10.0], [51.0, 29.0]]))


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


def corners() -> torch.Tensor:
    """Four masks (4, 32, 32), one in each corner."""
    masks = torch.zeros(4, SIZE, SIZE, dtype=torch.bool)
    for number, (row, column) in enumerate(((0, 0), (0, 16), (16, 0), (16, 16))):
        masks[number, row : row + 8, column : column + 8] = True
    return masks


def leaks(clip: list[int], masks: torch.Tensor | None = None) -> torch.Tensor:
    """What is covered (4, 8, 8) after answers that cover nothing were given leaks."""
    masks = corners() if masks is None else masks
    logits = torch.full((4, 1, SIZE // 4, SIZE // 4), -8.0)
    leaking = with_leaks(logits, masks, torch.tensor(clip))
    assert set(leaking.unique().tolist()) <= {-8.0, LEAK_LOGIT}
    assert (logits == -8).all(), "the answer itself stays"
    return leaking[:, 0] > 0


def test_a_leak_is_another_object_of_the_same_clip(monkeypatch):
    monkeypatch.setattr(prompts, "LEAK_SHARE", 1.0)
    small = corners()[:, ::4, ::4]
    for _ in range(20):
        covered = leaks([0, 0, 1, 1])
        for answer, partner in ((0, 1), (1, 0), (2, 3), (3, 2)):
            assert torch.equal(covered[answer], small[partner])


def test_an_object_alone_in_its_clip_never_leaks(monkeypatch):
    monkeypatch.setattr(prompts, "LEAK_SHARE", 1.0)
    assert not leaks([0, 1, 2, 3]).any()


def test_some_answers_leak():
    torch.manual_seed(0)
    shares = [leaks([0, 0, 0, 0]).flatten(1).any(1).float().mean() for _ in range(200)]
    assert 0.1 < torch.stack(shares).mean() < 0.3


def test_where_the_object_has_ended_the_answer_always_leaks():
    masks = corners()
    masks[0] = False
    for _ in range(20):
        assert torch.equal(leaks([0, 0, 1, 1], masks)[0], masks[1, ::4, ::4])
