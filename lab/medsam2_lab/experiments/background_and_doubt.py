"""What a background point on another slice does to a click, and how well doubt tells wrong slices from right.

Synthetic scans are made anew, the same every time.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from scipy import ndimage

from medsam2.confidence import DOUBTFUL
from medsam2.datasets import LabelledVolume
from medsam2.evaluation.answers import Answers
from medsam2.evaluation.metrics import dice
from medsam2.evaluation.user_prompts import central_click
from medsam2.model.segmentation_network import SegmentationNetwork
from medsam2.prompt import Prompt
from medsam2.tracking import SliceMask, Tracker
from medsam2.volume import VolumeSlices
from medsam2.weights.loading import load_model
from medsam2_lab.experiments.scans import KINDS, scans_by_kind
from medsam2_lab.result_tables import Cell, ResultTable, measured

NEAR_MM, FAR_MM = 2.0, 8.0
"""How far outside of the object the background point lies, at least a voxel and a half."""
WRONG, RIGHT = 0.5, 0.8
"""Dice of slices that doubt should find, and of those that it should leave alone."""
POINT_COLUMNS = {
    "Dice": None,
    "structures": None,
    "click": 3,
    "with a point one slice off": 3,
    "with a point two slices off": 3,
}
DOUBT_COLUMNS = {
    "": None,
    "structures": None,
    f"slices of Dice below {WRONG}": None,
    "doubted of those, %": 0,
    f"slices of Dice {RIGHT} and more": None,
    "doubted of these, %": 0,
}


def background(truth: np.ndarray, click: Prompt, away: int, spacing: tuple[float, float]) -> Prompt | None:
    """A background point just outside of the object, ``away`` slices from the click, where more of it is."""
    beside = [
        index for index in (click.slice_index + away, click.slice_index - away) if index in range(len(truth))
    ]
    index = max(beside, key=lambda index: truth[index].sum(), default=None)
    if index is None or not truth[index].any():
        return None
    distance = ndimage.distance_transform_edt(~truth[index], sampling=spacing)
    voxel = max(spacing)
    ring = np.argwhere((distance >= max(NEAR_MM, 1.5 * voxel)) & (distance <= max(FAR_MM, 4 * voxel)))
    row, column = ring[np.random.default_rng(int(truth.sum())).integers(len(ring))]
    return Prompt(index, points=((float(row), float(column), False),))


def segmented(
    network: SegmentationNetwork, slices: VolumeSlices, prompts: Iterable[Prompt]
) -> tuple[np.ndarray, list[SliceMask]]:
    """The mask (k, j, i), and the answers of tracking."""
    tracker, answers = Tracker(network, slices), Answers(slices)
    for prompt in prompts:
        answers.put(tracker.prompt("object", prompt))
    tracked = list(tracker.propagate())
    for answer in tracked:
        answers.put(answer)
    return answers.volume(), tracked


def scores(network: SegmentationNetwork, cases: Iterable[LabelledVolume]) -> tuple[np.ndarray, np.ndarray]:
    """Dice of structures (n, 3) after a click and with a point one and two slices away; and of all slices
    with a mask (n, 2) predicted IoU and Dice."""
    structures, slice_rows = [], []
    for case in cases:
        slices = VolumeSlices(case.volume)
        for value in case.structures.values():
            truth = case.labels == value
            click = central_click(truth, slices.grid(0).spacing)
            mask, tracked = segmented(network, slices, [click])
            row = [dice(mask, truth)]
            for away in (1, 2):
                point = background(truth, click, away, slices.grid(0).spacing)
                prompts = [click] if point is None else [point, click]
                row.append(dice(segmented(network, slices, prompts)[0], truth))
            structures.append(row)
            slice_rows += [
                (one.iou, dice(mask[one.slice_index], truth[one.slice_index]))
                for one in tracked
                if not one.mask.is_empty
            ]
    return np.array(structures), np.array(slice_rows)


def background_and_doubt(weights: str, scans: int, cases: Path | None) -> dict[str, ResultTable]:
    """Both tables.

    Args:
        weights: name or file.
        scans: how many synthetic ones.
        cases: folder of the real cases; None for synthetic scans alone.
    """
    network = load_model(weights)
    dices: list[list[Cell]] = []
    doubts: list[list[Cell]] = []
    for kind, of_kind in scans_by_kind(scans, cases).items():
        structures, slices = scores(network, of_kind)
        dices.append([KINDS[kind], len(structures), *structures.mean(axis=0).tolist()])
        doubted, wrong, right = slices[:, 0] < DOUBTFUL, slices[:, 1] < WRONG, slices[:, 1] >= RIGHT
        doubts.append([KINDS[kind], len(structures)])
        for some in (wrong, right):
            doubts[-1] += [int(some.sum()), 100 * float(doubted[some].mean())]
    about = measured("medsam2-lab background-and-doubt")
    return {
        "background_points": ResultTable(about, POINT_COLUMNS, dices),
        "doubt": ResultTable(about, DOUBT_COLUMNS, doubts),
    }
