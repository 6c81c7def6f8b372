"""Prompting and tracking of one structure in a volume, as a person would go about it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from medsam2.evaluation.answers import Answers
from medsam2.evaluation.drawn_prompts import central_stroke, lasso
from medsam2.evaluation.user_prompts import Spacing, central_box, central_click, corrective_click, three_boxes
from medsam2.orientations import Orientations
from medsam2.prompt import Prompt
from medsam2.propagation_options import PropagationOptions
from medsam2.tracking import OrientedPropagation, Tracker

FIRST_PROMPTS: dict[str, Callable[[np.ndarray, Spacing], list[Prompt]]] = {
    "click": lambda truth, spacing: [central_click(truth, spacing)],
    "box": lambda truth, spacing: [central_box(truth)],
    "boxes": lambda truth, spacing: three_boxes(truth),
    "stroke": lambda truth, spacing: [central_stroke(truth, spacing)],
    "lasso": lambda truth, spacing: [lasso(truth, spacing)],
    "corrections": lambda truth, spacing: [central_click(truth, spacing)],
}
"""What each protocol starts with, by its name."""
OBJECT = "object"


@dataclass(frozen=True, eq=False)
class Stage:
    """The state after some prompts.

    Attributes:
        prompts: all that were given so far.
        mask: the structure, (k, j, i) bool.
        answers: of tracking; goes on changing when the next stage is asked for.
        seconds: that the network and the tracker took so far, without those for choosing the prompts.
        is_last: whether no prompt follows.
    """

    prompts: tuple[Prompt, ...]
    mask: np.ndarray
    answers: Answers
    seconds: float
    is_last: bool


def segment(
    tracker: Tracker, truth: np.ndarray, protocol: str, clicks: int, orientations: Orientations = 1
) -> Iterator[Stage]:
    """Segment one structure by a protocol, along the tracker's slices; one stage for each round of prompts.

    "corrections" gives up to ``clicks`` corrective clicks after the first one. Each is tracked from its
    slice in both directions, as the Segment Editor effect does. They end early where no voxel is wrong.

    Args:
        tracker: of the volume along k; knows no object yet.
        truth: (k, j, i) bool, not empty.
        protocol: a key of ``FIRST_PROMPTS``.
        clicks: of "corrections".
        orientations: ways through the volume whose answers are fused.
    """
    spacing, answers, seconds = tracker.slices.grid(0).spacing, Answers(tracker.slices), 0.0
    given: list[Prompt] = []
    prompts, start = FIRST_PROMPTS[protocol](truth, spacing), None
    corrections = clicks if protocol == "corrections" else 0
    for left in range(corrections, -1, -1):
        seconds += _track(tracker, answers, prompts, start, orientations)
        given += prompts
        mask = answers.volume()
        correction = corrective_click(mask, truth, spacing) if left else None
        yield Stage(tuple(given), mask, answers, seconds, is_last=correction is None)
        if correction is None:
            return
        prompts, start = [correction], correction.slice_index


def _track(
    tracker: Tracker,
    answers: Answers,
    prompts: list[Prompt],
    start: int | None,
    orientations: Orientations,
) -> float:
    """Give prompts and track from them; returns the seconds that it took."""
    started = time.perf_counter()
    for prompt in prompts:
        answers.put(tracker.prompt(OBJECT, prompt))
    options = PropagationOptions(start=start)
    for _, tracked in OrientedPropagation(tracker, orientations).propagate([OBJECT], options):
        if tracked is not None:
            answers.put(tracked)
    return time.perf_counter() - started
