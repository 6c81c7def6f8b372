"""What several orientations are worth: Dice of 1, 3 and 6, and which slices their disagreement finds.

Synthetic scans are made anew, the same every time. Rows are kept in a file as they come, and a run that was
stopped goes on from there.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

from medsam2.confidence import DOUBTFUL, certainty
from medsam2.datasets import LabelledVolume
from medsam2.evaluation.metrics import dice
from medsam2.evaluation.protocols import FIRST_PROMPTS, OBJECT
from medsam2.model.segmentation_network import SegmentationNetwork
from medsam2.orientations import Orientations, other_axes
from medsam2.tracking import SliceMask, Tracker
from medsam2.tracking.orientations import FusedObject, agreement, go, other_ways
from medsam2.volume import VolumeSlices
from medsam2.volume.geometry import axis_index
from medsam2.weights.loading import load_model
from medsam2_lab.experiments.real_cases import LEAST_SLICES, LEAST_VOXELS
from medsam2_lab.experiments.scans import KINDS, scans_by_kind
from medsam2_lab.result_tables import Cell, ResultTable, measured

PROMPTS = ("click", "box")
SIX_EVERY, MOST_STRUCTURES = 3, 4
"""Six orientations on every so many-th structure, as they take long; most structures of a synthetic scan."""
WRONG, RIGHT = 0.5, 0.8
"""Dice of slices that doubt should find, and of those that it should leave alone."""

Row = dict[str, Any]


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
    cases: Iterator[LabelledVolume], most: int | None
) -> Iterator[tuple[str, LabelledVolume, np.ndarray]]:
    """Those that are large enough to count, of each case all or so many, with their names."""
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
    found: Row = {"dice": [dice(alone, truth)], "seconds": [time.perf_counter() - started], "slices": []}
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


def measure(network: SegmentationNetwork, kind: str, cases: Iterator[LabelledVolume], log: Path) -> list[Row]:
    """The rows of one kind of scans, of a log and those that it lacks, which are added to it.

    Scans whose slices are too coarse across have none; rows of structures that were not found are left out.
    """
    lines = log.read_text("utf-8").splitlines() if log.exists() else []
    rows = {(row["kind"], row["name"], row["prompt"]): row for row in map(json.loads, lines)}
    most = MOST_STRUCTURES if kind == "synthetic" else None
    with log.open("a", encoding="utf-8") as file:
        for number, (name, case, truth) in enumerate(structures(cases, most)):
            if len(other_axes(truth.shape, case.volume.geometry.spacing, "k")[0]) < 2:
                continue
            for prompt in PROMPTS:
                if (kind, name, prompt) not in rows:
                    found = scores(network, case, truth, prompt, 3 if number % SIX_EVERY else 6)
                    rows[kind, name, prompt] = {"kind": kind, "name": name, "prompt": prompt, **found}
                    print(json.dumps(rows[kind, name, prompt]), file=file, flush=True)
    return [row for row in rows.values() if row["kind"] == kind and row.get("slices")]


def dice_table(rows: dict[str, list[Row]], about: dict[str, str]) -> ResultTable:
    """Mean Dice, paired differences to one orientation with their standard errors, and seconds."""
    cells: list[list[Cell]] = []
    for kind, of_kind in rows.items():
        for prompt in PROMPTS:
            for count in (3, 6):
                place = count // 3
                found = [row for row in of_kind if row["prompt"] == prompt and len(row["dice"]) > place]
                if len(found) < 2:
                    continue
                dices = np.array([[row["dice"][0], row["dice"][place]] for row in found])
                gain = dices[:, 1] - dices[:, 0]
                error = float(gain.std(ddof=1)) / len(gain) ** 0.5
                times = np.mean([[row["seconds"][0], row["seconds"][place]] for row in found], axis=0)
                numbers = [*dices.mean(axis=0), gain.mean(), error, times[1] / times[0]]
                cells.append([f"{KINDS[kind]}, {prompt}, {count}", len(found), *map(float, numbers)])
    titles = {"one": 3, "several": 3, "gain": 3, "standard error": 3, "times as long": 1}
    return ResultTable(about, {"Dice of orientations": None, "structures": None, **titles}, cells)


def doubt_table(rows: dict[str, list[Row]], about: dict[str, str]) -> ResultTable:
    """How well wrong fused slices are found by each number, with which share of right ones doubted."""
    cells: list[list[Cell]] = []
    for kind, of_kind in rows.items():
        slices = [SliceRow(*each) for row in of_kind for each in row["slices"]]
        shown = [each for each in slices if each.fused_present]
        dices = np.array([each.fused_dice for each in shown])
        iou, agree = np.array([each.iou for each in shown]), np.array([each.agreement for each in shown])
        both = [certainty(each.iou, each.agreement) for each in shown]
        numbers = {"predicted IoU": iou, "agreement": agree, "lesser of both": np.minimum(iou, agree)}
        for title, number in (numbers | {"geometric mean": np.array(both)}).items():
            doubted = number < DOUBTFUL
            found = [100 * float(doubted[some].mean()) for some in (dices < WRONG, dices >= RIGHT)]
            cells.append([f"{KINDS[kind]}, {title}", len(shown), area(number, dices < WRONG), *found])
    titles = {"area under the curve": 3, "doubted of wrong, %": 0, "doubted of right, %": 0}
    return ResultTable(about, {"": None, "fused slices": None, **titles}, cells)


def area(number: np.ndarray, is_wrong: np.ndarray) -> float:
    """Of the curve (ROC): how often a wrong slice has a smaller number than one that is not."""
    ranks = rankdata(number)[~is_wrong]
    right, wrong = len(ranks), int(is_wrong.sum())
    return float((ranks.sum() - right * (right + 1) / 2) / (right * wrong))


def tables(rows: dict[str, list[Row]]) -> dict[str, ResultTable]:
    """Both tables, of the rows of each kind of scans."""
    about = dict(measured("medsam2-lab orientations LOG --cases CASES"))
    return {"orientations": dice_table(rows, about), "orientations_doubt": doubt_table(rows, about)}


def orientations(log: Path, weights: str, scans: int, cases: Path | None) -> dict[str, ResultTable]:
    """Measure what the log lacks.

    Args:
        log: rows measured before; new ones are added.
        weights: name or file.
        scans: how many synthetic ones.
        cases: folder of the real cases; None for synthetic scans alone.
    """
    network = load_model(weights)
    kinds = scans_by_kind(scans, cases)
    return tables({kind: measure(network, kind, of_kind, log) for kind, of_kind in kinds.items()})
