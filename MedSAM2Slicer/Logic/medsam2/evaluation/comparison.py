"""Two networks on the same structures of the same cases."""

from collections.abc import Sequence
from dataclasses import dataclass

from medsam2.evaluation.scores import Score, last_scores


@dataclass(frozen=True)
class PairedDice:
    """Mean Dice of both over the cases in which both have one.

    Attributes:
        cases: how many; a case counts once for each of its structures.
        dice, baseline: means, None where there is no such case.
        better: of these, how many in which the first is better.
    """

    cases: int
    dice: float | None
    baseline: float | None
    better: int

    @property
    def difference(self) -> float | None:
        """Mean of the differences, case by case."""
        return None if self.dice is None or self.baseline is None else self.dice - self.baseline


def paired_dice(scores: Sequence[Score], baseline: Sequence[Score]) -> dict[str, PairedDice]:
    """Over all and for each structure, after the last prompt."""
    others = {score.key: score.dice for score in last_scores(baseline)}
    pairs = [
        (score.structure, score.dice, other)
        for score in last_scores(scores)
        if score.dice is not None and (other := others.get(score.key)) is not None
    ]
    names = dict.fromkeys(score.structure for score in scores)
    by_structure = {
        name: _paired([(a, b) for structure, a, b in pairs if structure == name]) for name in names
    }
    return {"mean over all": _paired([(a, b) for _, a, b in pairs])} | by_structure


def _paired(pairs: Sequence[tuple[float, float]]) -> PairedDice:
    if not pairs:
        return PairedDice(0, None, None, 0)
    dice, baseline = (sum(column) / len(pairs) for column in zip(*pairs, strict=True))
    return PairedDice(len(pairs), dice, baseline, sum(a > b for a, b in pairs))
