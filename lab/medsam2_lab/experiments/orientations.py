"""What several orientations are worth: Dice of 1, 3 and 6, and which slices their disagreement finds.

Synthetic scans are made anew, the same every time. Rows are kept in a file as they come, and a run that was
stopped goes on from there.
"""

import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass

import numpy as np

from medsam2.datasets import LabelledVolume
from medsam2.evaluation.metrics import dice
from medsam2.evaluation.protocols import FIRST_PROMPTS, OBJECT
from medsam2.model.segmentation_network import SegmentationNetwork
from medsam2.orientations import Orientations, other_axes
from medsam2.tracking import SliceMask, Tracker
from medsam2.tracking.orientations import FusedObject, agreement, go, other_ways
from medsam2.volume import VolumeSlices
from medsam2.volume.geometry import axis_index
from medsam2_lab.experiments.real_cases import LEAST_SLICES, LEAST_VOXELS

COUNTS = (1, 3, 6)
PROMPTS = ("click", "box")
WRONG = 0.5
"""Dice of slices that doubt should find."""


@dataclass(frozen=True)
class SliceRow:
    """One slice, tracked along the first axis and in three orientations.

    Attributes:
        present, iou, dice: whether the first axis shows the object, the IoU predicted for its mask, its Dice.
        fused_present, agreement, fused_dice: the same of three orientations, and how well they agree.
    """

    present: bool
    iou: float
    dice: float
    fused_present: bool
    agreement: float
    fused_dice: float


def structures(
    cases: Iterator[LabelledVolume], most: int
) -> Iterator[tuple[str, LabelledVolume, np.ndarray]]:
    """The structures that are large enough to count, up to so many of each case, with their names."""
    for case in cases:
        large = []
        for name, value in case.structures.items():
            truth = case.labels == value
            if truth.sum() >= LEAST_VOXELS and truth.any(axis=(1, 2)).sum() >= LEAST_SLICES:
                large.append((f"{case.name}, {name}", case, truth))
        yield from large[:most]


def scores(
    network: SegmentationNetwork, case: LabelledVolume, truth: np.ndarray, prompt: str, most: Orientations
) -> dict:
    """Dice and seconds of 1, 3 and, if so many are wanted, 6 orientations, and the rows of all slices."""
    slices, started = VolumeSlices(case.volume), time.perf_counter()
    tracker, first = Tracker(network, slices), {}
    given = FIRST_PROMPTS[prompt](truth, slices.grid(0).spacing)
    for answer in [*(tracker.prompt(OBJECT, each) for each in given), *tracker.propagate([OBJECT])]:
        first[answer.slice_index] = answer
    alone = np.zeros(truth.shape, bool)
    for index, answer in first.items():
        alone[index] = answer.mask.full(truth.shape[1:])
    found: dict = {"dice": [dice(alone, truth)], "seconds": [time.perf_counter() - started], "slices": []}
    others, _ = other_axes(truth.shape, case.volume.geometry.spacing, slices.axis)
    ways = other_ways(slices.axis, others, most)
    if not alone.any():
        return found
    fused = FusedObject(slices, first)
    for index, answer in first.items():
        fused.add(0, index, fused.probable(0, answer) / 6)
    starts = [fused.sections(axis_index(way.axis), way.inward, 1 / 12) for way in ways]
    for gone, (way, sections) in enumerate(zip(ways, starts, strict=True), start=2):
        for _ in go(tracker.along(way.axis), {OBJECT: sections}, {OBJECT: fused}, 1 / 6):
            pass
        if gone in (3, 6):
            mean = {index: 6 / gone * fused.on_slice(slices, index) for index in first}
            found["seconds"].append(time.perf_counter() - started)
            both = np.zeros(truth.shape, bool)
            for index, probable in mean.items():
                both[index] = probable > 0.5
            found["dice"].append(dice(both, truth))
            if gone == 3:
                found["slices"] = [
                    astuple(_slice_row(first[index], mean[index], truth[index])) for index in sorted(first)
                ]
    return found


def _slice_row(first: SliceMask, mean: np.ndarray, truth: np.ndarray) -> SliceRow:
    alone, both = first.mask.full(truth.shape), mean > 0.5
    return SliceRow(
        bool(alone.any()),
        first.iou,
        _slice_dice(alone, truth),
        bool(both.any()),
        agreement(mean),
        _slice_dice(both, truth),
    )


def _slice_dice(mask: np.ndarray, truth: np.ndarray) -> float:
    """Dice; 1 where neither shows anything."""
    return dice(mask, truth) if mask.any() or truth.any() else 1.0
