"""How well a network does on cases held out: one click per structure, tracked as in use."""

from collections.abc import Callable, Iterator, Sequence

import torch

from medsam2.datasets import Case, LabelledVolume
from medsam2.evaluation.metrics import dice
from medsam2.evaluation.protocols import segment
from medsam2.tracking import Tracker
from medsam2.training.ranks import Ranks
from medsam2.volume import VolumeSlices


def mean_click_dice(
    cases: Sequence[Case], tracker_of: Callable[[VolumeSlices], Tracker], ranks: Ranks
) -> float:
    """Mean 3D Dice over all structures of all cases.

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
    """3D Dice of each structure."""
    slices = VolumeSlices(case.volume)
    for value in case.structures.values():
        truth = case.labels == value
        (answer,) = segment(tracker_of(slices), truth, protocol="click", clicks=0)
        yield dice(answer.mask, truth)
