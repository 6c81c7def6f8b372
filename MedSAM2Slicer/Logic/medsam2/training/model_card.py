"""The model card that goes with fine-tuned weights: no paths, and no names of cases."""

from dataclasses import dataclass

from medsam2.training.settings import MEMORY_WORDS, Settings
from medsam2.weights.store import StoredWeights


@dataclass(frozen=True)
class Training:
    """What a card says of a run.

    Attributes:
        base: the weights that it started from.
        dataset: name of the set.
        cases, validation_cases: how many were trained on, and held out.
        step: of the exported weights.
        score, base_score: mean Dice of these and of the base weights on the cases held out.
    """

    base: StoredWeights
    dataset: str
    cases: int
    validation_cases: int
    step: int
    score: float
    base_score: float


def model_card(training: Training, settings: Settings) -> str:
    """The card as Markdown."""
    entry = training.base.entry
    licence = f"{entry.licence}. {entry.licence_note}" if entry else "not known to this program"
    frozen = ", ".join(settings.freeze) or "none"
    return f"""# Fine-tuned weights

| | |
| --- | --- |
| base weights | {training.base.name} |
| licence of the base weights | {licence} |
| trained on | {training.dataset}, {training.cases} cases |
| held out for validation | {training.validation_cases} cases |
| mean 3D Dice there, one click | {training.score:.3f} after {training.step} steps, \
{training.base_score:.3f} before |
| file | fp16 safetensors |

## Settings

| clips | slices in a clip | objects | learning rate | frozen parts | memory | seed | processes |
| --- | --- | --- | --- | --- | --- | --- | --- |
| {settings.clips} | {settings.frames} | {settings.objects} | {settings.rate:g} | {frozen} \
| {MEMORY_WORDS[settings.memory]} | {settings.seed} | {settings.processes} |

## Limits

- Not for diagnosis. Look at every slice.
- The score was used to choose among the steps of this run, so expect somewhat less on other cases.
- Scans from other scanners, protocols and patients than those of the set may do much worse, and structures \
that are not in it worse than with the base weights.
- The licence of the base weights holds for these too, and the terms of the data may limit their use.
"""
