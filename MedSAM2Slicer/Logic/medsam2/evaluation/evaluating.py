"""Runs a protocol over a dataset."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from medsam2.datasets import Case, LabelledVolume
from medsam2.errors import InputError
from medsam2.evaluation.answers import Answers
from medsam2.evaluation.metrics import overlap, require_monai
from medsam2.evaluation.one_prompt import SetResult, picture_set, segment_set
from medsam2.evaluation.protocols import FIRST_PROMPTS, Stage, segment
from medsam2.evaluation.released_metric import PICTURE_THRESHOLDS, VOLUME_THRESHOLDS, lenient_scores
from medsam2.evaluation.scores import Score
from medsam2.evaluation.snapshot import Snapshot, set_snapshot, volume_snapshot
from medsam2.model.segmentation_network import SegmentationNetwork
from medsam2.orientations import Orientations
from medsam2.tracking import Tracker, check_remembers
from medsam2.volume import VolumeSlices

ONE_PROMPT = "one-prompt"
PROTOCOLS = (*FIRST_PROMPTS, ONE_PROMPT)
PICTURE_SPACING = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Settings:
    """What to evaluate.

    Attributes:
        protocol: one of ``PROTOCOLS``; docs/evaluation.md explains them.
        clicks: most corrective clicks of "corrections".
        structures: names of those that count; all when empty.
        lenient: also compute the metric of the released MedSAM-2.
        orientations: ways through a volume whose answers are fused.
    """

    protocol: str
    clicks: int = 5
    structures: tuple[str, ...] = ()
    lenient: bool = False
    orientations: Orientations = 1

    def wanted(self, case: LabelledVolume) -> list[str]:
        """Names of the case's structures that count, in the dataset's order."""
        return [name for name in case.structures if not self.structures or name in self.structures]


@dataclass(frozen=True, eq=False)
class Finding:
    """A score, and a picture of the slices behind it where it is the structure's last."""

    score: Score
    snapshot: Snapshot | None


def evaluate(
    network: SegmentationNetwork,
    cases: Sequence[Case],
    settings: Settings,
    field_of_view_network: SegmentationNetwork | None = None,
    on_case: Callable[[], None] = lambda: None,
) -> Iterator[Finding]:
    """Segment every structure of every case.

    Args:
        network: under test.
        cases: of the dataset.
        settings: protocol and structures.
        field_of_view_network: chooses fields of view in its place, as in the backend.
        on_case: called when a case is done.

    Raises:
        InputError: MONAI is missing, the protocol is unknown or nothing for the network, a case cannot be
            read, or no case has a structure that counts.
    """
    require_monai()
    if settings.protocol not in PROTOCOLS:
        raise InputError(f"There is no protocol '{settings.protocol}': choose {', '.join(PROTOCOLS)}.")
    if settings.protocol == ONE_PROMPT and settings.orientations != 1:
        raise InputError(f"Pictures have one orientation: leave out --orientations for {ONE_PROMPT}.")
    names: dict[str, None] = {}
    read = partial(_read, names=names)
    if settings.protocol == ONE_PROMPT:
        check_remembers(network)
        findings = _evaluate_set(network, map(read, cases), settings, on_case)
    else:
        findings = _evaluate_volumes(network, map(read, cases), settings, field_of_view_network, on_case)
    found = False
    for finding in findings:
        found = True
        yield finding
    if not found:
        wanted = ", ".join(settings.structures) or "any"
        there = f"choose from {', '.join(names)}" if names else "all labels are empty"
        raise InputError(f"No case has a structure to evaluate (looked for {wanted}): {there}.")


def _read(case: Case, names: dict[str, None]) -> LabelledVolume:
    """A case; what its structures are called is added to ``names``, in the order of the cases."""
    known = case.read()
    names.update(dict.fromkeys(known.structures))
    return known


def _evaluate_volumes(
    network: SegmentationNetwork,
    cases: Iterable[LabelledVolume],
    settings: Settings,
    field_of_view_network: SegmentationNetwork | None,
    on_case: Callable[[], None],
) -> Iterator[Finding]:
    for case in cases:
        slices = VolumeSlices(case.volume)
        for name in settings.wanted(case):
            truth = case.labels == case.structures[name]
            tracker = Tracker(network, slices, field_of_view_network=field_of_view_network)
            stages = segment(tracker, truth, settings.protocol, settings.clicks, settings.orientations)
            for stage in stages:
                snapshot = volume_snapshot(slices, stage, truth) if stage.is_last else None
                yield Finding(_score(case, name, stage, truth, settings.lenient), snapshot)
        on_case()


def _score(case: LabelledVolume, name: str, stage: Stage, truth: np.ndarray, lenient: bool) -> Score:
    grid = case.volume.geometry
    scores = overlap(stage.mask, truth, grid.spacing if grid.is_right_angled else None)
    prompts, seconds, slices = len(stage.prompts), stage.seconds, stage.answers.count
    score = Score(case.name, name, prompts, scores.dice, scores.nsd, scores.hd95, seconds, slices)
    return (
        _with_lenient(score, stage.answers, dict(enumerate(truth)), VOLUME_THRESHOLDS) if lenient else score
    )


def _evaluate_set(
    network: SegmentationNetwork,
    cases: Iterable[LabelledVolume],
    settings: Settings,
    on_case: Callable[[], None],
) -> Iterator[Finding]:
    pictures = []
    for case in cases:
        pictures.append(case)
        on_case()
    images = picture_set(pictures)
    for name in dict.fromkeys(name for picture in pictures for name in settings.wanted(picture)):
        result = segment_set(network, images, pictures, name)
        for index, picture in enumerate(pictures):
            if index != result.template:
                score = _picture_score(picture, name, result, index, settings.lenient)
                yield Finding(score, set_snapshot(images, result, index))


def _picture_score(picture: LabelledVolume, name: str, result: SetResult, index: int, lenient: bool) -> Score:
    truth = result.truths[index]
    scores = overlap(result.answers.mask(index)[None], truth[None], PICTURE_SPACING)
    seconds = result.seconds / result.answers.count
    score = Score(picture.name, name, 1, scores.dice, scores.nsd, scores.hd95, seconds, 1)
    return _with_lenient(score, result.answers, {index: truth}, PICTURE_THRESHOLDS) if lenient else score


def _with_lenient(
    score: Score, answers: Answers, truths: dict[int, np.ndarray], thresholds: Sequence[float]
) -> Score:
    dice, iou = lenient_scores(answers, truths, thresholds)
    return replace(score, lenient_dice=dice, lenient_iou=iou)
