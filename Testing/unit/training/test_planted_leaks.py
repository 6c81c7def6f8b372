"""Answers with planted leaks cover another object of their own clip, and are otherwise as they were."""

import torch

from medsam2.training import planted_leaks
from medsam2.training.planted_leaks import LEAK_LOGIT, with_leaks

SIZE = 32


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
    monkeypatch.setattr(planted_leaks, "LEAK_SHARE", 1.0)
    small = corners()[:, ::4, ::4]
    for _ in range(20):
        covered = leaks([0, 0, 1, 1])
        for answer, partner in ((0, 1), (1, 0), (2, 3), (3, 2)):
            assert torch.equal(covered[answer], small[partner])


def test_an_object_alone_in_its_clip_never_leaks(monkeypatch):
    monkeypatch.setattr(planted_leaks, "LEAK_SHARE", 1.0)
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
