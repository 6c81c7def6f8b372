"""Validation: how well a network does on cases held out, and the scores of a run so far."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from medsam2.complete_file import complete_file
from medsam2.datasets import Case, LabelledVolume
from medsam2.errors import InputError
from medsam2.evaluation.metrics import dice
from medsam2.evaluation.protocols import segment
from medsam2.tracking import Tracker
from medsam2.training.ranks import Ranks
from medsam2.volume import VolumeSlices

HISTORY_FILE = "validation.json"


class History:
    """Scores by step, kept in ``validation.json``.

    Raises:
        InputError: the file is damaged.
    """

    def __init__(self, folder: Path):
        self._path = folder / HISTORY_FILE
        self.scores: dict[int, float] = {}
        if self._path.exists():
            try:
                stored = json.loads(self._path.read_text(encoding="utf-8"))
                self.scores = {int(step): float(score) for step, score in stored.items()}
            except (OSError, ValueError, TypeError, AttributeError) as error:
                raise InputError(
                    f"{self._path} is damaged, so this run cannot go on: choose another folder."
                ) from error

    @property
    def best_step(self) -> int:
        """The first step of the highest score."""
        return max(self.scores, key=lambda step: (self.scores[step], -step))

    def is_best(self, score: float) -> bool:
        """Whether a new score is higher than all before."""
        return all(score > other for other in self.scores.values())

    def has_stalled(self, patience: int) -> bool:
        """Whether the last ``patience`` validations brought nothing better."""
        return bool(self.scores) and sum(step > self.best_step for step in self.scores) >= patience

    def add(self, step: int, score: float) -> None:
        """Take in a score."""
        self.scores[step] = score

    def write(self) -> None:
        """Write all scores, complete or not at all."""
        with complete_file(self._path) as unfinished:
            unfinished.write_text(json.dumps(self.scores, indent=2) + "\n", encoding="utf-8")

    def table(self) -> str:
        """Every validation on a line, the best marked."""
        lines = [f"{'step':>8}  mean Dice"]
        for step, score in sorted(self.scores.items()):
            lines.append(f"{step:>8}  {score:.3f}{'  best' if step == self.best_step else ''}")
        return "\n".join(lines)


def mean_click_dice(
    cases: Sequence[Case], tracker_of: Callable[[VolumeSlices], Tracker], ranks: Ranks
) -> float:
    """Mean 3D Dice over all structures of all cases, each after one click and tracked as in use.

    Args:
        cases: at least one.
        tracker_of: makes a tracker of slices, whose network is in evaluation mode.
        ranks: the processes, which share the cases among themselves.
    """
    own = cases[ranks.rank :: ranks.count]
    scores = [score for case in own for score in _click_dice(case.read(), tracker_of)]
    total, count = ranks.total(torch.tensor([sum(scores), len(scores)], dtype=torch.float64)).tolist()
    return total / count


def _click_dice(case: LabelledVolume, tracker_of: Callable[[VolumeSlices], Tracker]) -> Iterator[float]:
    slices = VolumeSlices(case.volume)
    for value in case.structures.values():
        truth = case.labels == value
        (answer,) = segment(tracker_of(slices), truth, protocol="click", clicks=0)
        yield dice(answer.mask, truth)
