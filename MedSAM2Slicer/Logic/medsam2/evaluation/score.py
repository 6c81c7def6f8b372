"""One line of the results."""

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
