"""What strokes and lassos are worth beside clicks and boxes, and what decided how the network takes them.

Synthetic scans are made anew, the same every time; on them only the slice that is drawn on counts.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from medsam2.datasets import LabelledVolume
from medsam2.evaluation.drawn_prompts import CAREFUL, LOOSE, Hand, central_stroke, lasso
from medsam2.evaluation.metrics import dice
from medsam2.evaluation.protocols import segment
from medsam2.evaluation.user_prompts import central_click
from medsam2.model.segmentation_network import SegmentationNetwork
from medsam2.prompt import Prompt
from medsam2.tracking import Tracker
from medsam2.tracking.drawn_lines import enclosed
from medsam2.volume import VolumeSlices
from medsam2.weights.loading import load_model
from medsam2_lab.experiments.real_cases import LEAST_SLICES, LEAST_VOXELS, real_cases
from medsam2_lab.experiments.scans import synthetic_cases
from medsam2_lab.result_tables import Cell, ResultTable, measured

PROTOCOLS = ("stroke", "lasso")
POINTS = (2, 3, 4, 6, 8, 12)
"""That a stroke becomes."""
HANDS = {
    "on the outline": CAREFUL,
    "a little outside (`--protocol lasso`)": LOOSE,
    "a quarter of the radius outside": Hand(0.25, 0.4),
    "half of the radius outside": Hand(0.5, 0.3),
}


def truths(cases: Iterable[LabelledVolume]) -> Iterator[tuple[VolumeSlices, np.ndarray]]:
    """Each structure that is large enough to count, (k, j, i) bool, with the slices of its scan."""
    for case in cases:
        slices = VolumeSlices(case.volume)
        for value in case.structures.values():
            truth = case.labels == value
            if truth.sum() >= LEAST_VOXELS and truth.any(axis=(1, 2)).sum() >= LEAST_SLICES:
                yield slices, truth


def volume_scores(network: SegmentationNetwork, cases: Iterable[LabelledVolume]) -> np.ndarray:
    """Volumetric Dice (structures, protocols) after one prompt."""
    rows = []
    for slices, truth in truths(cases):
        stages = (next(segment(Tracker(network, slices), truth, protocol, 0)) for protocol in PROTOCOLS)
        rows.append([dice(stage.mask, truth) for stage in stages])
        print(" ".join(f"{score:.3f}" for score in rows[-1]), flush=True)
    return np.array(rows)


def slice_scores(
    network: SegmentationNetwork, cases: Iterable[LabelledVolume]
) -> tuple[np.ndarray, np.ndarray]:
    """Dice on the slice drawn on: of a click and of a stroke as so many points (structures, 1 + points), and
    of what a lasso holds and of the answer to it (structures, hands, 2)."""
    strokes, lassos = [], []
    for slices, truth in truths(cases):
        spacing = slices.grid(0).spacing
        answered = _answering(network, slices)
        stroke = central_stroke(truth, spacing)
        there = truth[stroke.slice_index]
        row = [dice(answered(central_click(truth, spacing), None), there)]
        strokes.append(row + [dice(answered(stroke, count), there) for count in POINTS])
        drawn = [lasso(truth, spacing, hand) for hand in HANDS.values()]
        grid = slices.grid(stroke.slice_index)
        held = [enclosed(prompt.lassos, grid) for prompt in drawn]
        lassos.append(
            [
                [dice(region, there), dice(answered(prompt, None), there)]
                for prompt, region in zip(drawn, held, strict=True)
            ]
        )
    return np.array(strokes), np.array(lassos)


def _answering(
    network: SegmentationNetwork, slices: VolumeSlices
) -> Callable[[Prompt, int | None], np.ndarray]:
    """Answers prompts, with strokes as so many points, as masks (rows, columns) of their slice."""
    tracker, config = Tracker(network, slices), network.config

    def answered(prompt: Prompt, points: int | None) -> np.ndarray:
        network.config = config if points is None else replace(config, stroke_points=points)
        try:
            answer = tracker.prompt("object", prompt)
        finally:
            network.config = config
        tracker.forget("object")
        return answer.mask.full(slices.grid(prompt.slice_index).shape)

    return answered


def drawn_lines(scans: int, cases: Path | None) -> dict[str, ResultTable]:
    """The tables, for the starter weights; clicks and boxes on the real cases are quoted (``real_cases``).

    Args:
        scans: how many synthetic ones.
        cases: folder of the real cases; None for synthetic scans alone.
    """
    network = load_model("starter")
    about = measured("medsam2-lab drawn-lines --cases CASES")
    strokes, lassos = slice_scores(network, synthetic_cases(scans))
    about_slices = about | {"data": f"{len(strokes)} structures of {scans} synthetic scans"}
    gains = strokes - strokes[:, :1]
    points: list[list[Cell]] = [
        [title, *map(float, (scores.mean(), gain.mean(), gain.std() / len(gain) ** 0.5))]
        for title, scores, gain in zip(
            ["a click", *(f"a stroke as {count} points" for count in POINTS)], strokes.T, gains.T, strict=True
        )
    ]
    hands: list[list[Cell]] = [
        [title, *map(float, scores)] for title, scores in zip(HANDS, lassos.mean(axis=0), strict=True)
    ]
    tables = {
        "stroke_points": ResultTable(
            about_slices,
            {"on the slice drawn on": None, "Dice": 3, "more than a click": 3, "standard error": 3},
            points,
        ),
        "lasso_hands": ResultTable(
            about_slices, {"the lasso lies": None, "Dice of what it holds": 3, "Dice of the answer": 3}, hands
        ),
    }
    if cases is not None:
        found = volume_scores(network, (case.read() for case in real_cases(cases)))
        titles = {"click": "Dice, click", "box": "Dice, box", "6 clicks": "Dice, 6 clicks"}
        columns = {"Dice": None, "structures": None} | dict.fromkeys((*PROTOCOLS, *titles), 3)
        quoted = [f"{{real_cases|mean of {len(found)}|{title}}}" for title in titles.values()]
        row: list[Cell] = ["real cases", len(found), *found.mean(axis=0).tolist(), *quoted]
        tables["drawn_lines"] = ResultTable(about, columns, [row])
    return tables
