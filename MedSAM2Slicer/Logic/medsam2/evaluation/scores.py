"""The lines of the results, and means over them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Score:
    """How well one structure of one case was segmented after some prompts.

    Attributes:
        case, structure: which.
        prompts: given so far for this structure, corrective clicks included; of a One-Prompt set the one
            on its template.
        dice, nsd, hd95: see ``metrics.Overlap``; None where there is no such number.
        seconds: so far, without those for reading, prompting and scoring; of a One-Prompt set this picture's
            share.
        slices: masks that were computed in this time.
        lenient_dice, lenient_iou: see ``released_metric``; None where not asked for.
    """

    case: str
    structure: str
    prompts: int
    dice: float | None
    nsd: float | None
    hd95: float | None
    seconds: float
    slices: int
    lenient_dice: float | None = None
    lenient_iou: float | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What was segmented."""
        return self.case, self.structure


COLUMNS = tuple(field.name for field in fields(Score))


@dataclass(frozen=True)
class Summary:
    """Means over the last scores of some structures.

    Attributes:
        count: structures with a score: one structure of one case each.
        dice, nsd, hd95: means over those that have the number; None where none has.
        without_hd95: structures with a score but no HD95, since the prediction or the truth is empty.
        both_empty: structures without any score, since prediction and truth are empty.
        prompts: mean number of prompts.
        seconds_per_slice: seconds of all over the masks that were computed.
        lenient_dice, lenient_iou: means over cases of the means over their structures; None where not
            asked for.
    """

    count: int
    dice: float | None
    nsd: float | None
    hd95: float | None
    without_hd95: int
    both_empty: int
    prompts: float
    seconds_per_slice: float
    lenient_dice: float | None
    lenient_iou: float | None


def last_scores(scores: Sequence[Score]) -> list[Score]:
    """The score of every structure after its last prompt."""
    return list({score.key: score for score in scores}.values())


def summarise(scores: Sequence[Score]) -> Summary:
    """Means over last scores."""
    scored = [score for score in scores if score.dice is not None]
    return Summary(
        count=len(scored),
        dice=_mean(score.dice for score in scores),
        nsd=_mean(score.nsd for score in scores),
        hd95=_mean(score.hd95 for score in scores),
        without_hd95=sum(score.hd95 is None for score in scored),
        both_empty=len(scores) - len(scored),
        prompts=sum(score.prompts for score in scores) / len(scores),
        seconds_per_slice=sum(score.seconds for score in scores) / sum(score.slices for score in scores),
        lenient_dice=_mean_over_cases(scores, "lenient_dice"),
        lenient_iou=_mean_over_cases(scores, "lenient_iou"),
    )


def by_structure(scores: Sequence[Score]) -> dict[str, Summary]:
    """A summary of each structure over the cases, in the order of appearance."""
    names = dict.fromkeys(score.structure for score in scores)
    return {name: summarise([score for score in scores if score.structure == name]) for name in names}


def curves(scores: Sequence[Score]) -> list[list[float]]:
    """Dice after 1, 2, … prompts of every structure; one that needed no more keeps its last."""
    found: dict[tuple[str, str], list[float]] = {}
    for score in scores:
        if score.dice is not None:
            found.setdefault(score.key, []).append(score.dice)
    longest = max(map(len, found.values()))
    return [curve + curve[-1:] * (longest - len(curve)) for curve in found.values()]


def rounded(value: float | None, digits: int = 3) -> str:
    """A mean as reports show it; "none" where nothing has the number."""
    return "none" if value is None else f"{value:.{digits}f}"


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _mean_over_cases(scores: Sequence[Score], column: str) -> float | None:
    cases = dict.fromkeys(score.case for score in scores)
    return _mean(_mean(getattr(s, column) for s in scores if s.case == case) for case in cases)
