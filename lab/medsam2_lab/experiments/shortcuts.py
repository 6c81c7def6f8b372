"""What each shortcut of fast computing, alone and with the others, does to masks."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np

from medsam2.datasets import LabelledVolume
from medsam2.evaluation.metrics import dice
from medsam2.evaluation.protocols import segment
from medsam2.model import shortcuts as model_shortcuts
from medsam2.model.segmentation_network import SegmentationNetwork
from medsam2.shortcuts import EXACT, Shortcuts
from medsam2.tracking import Tracker
from medsam2.volume import VolumeSlices
from medsam2.weights.loading import load_model
from medsam2_lab.experiments.drawn_lines import truths
from medsam2_lab.experiments.scans import KINDS, logged_scores
from medsam2_lab.result_tables import Cell, ResultTable, measured

PROMPT = "box"
MODES = {
    "exact": EXACT,
    "memories pooled 2 x 2": Shortcuts(pooled_memories=True),
    "bf16": Shortcuts(bf16=True),
    "memories pooled 2 x 2 and bf16": Shortcuts(pooled_memories=True, bf16=True),
    "int8": Shortcuts(int8=True),
}
"""The first is what the others are compared with."""


def case_scores(
    networks: Iterable[SegmentationNetwork], cases: Iterable[LabelledVolume]
) -> Iterator[list[list[float]]]:
    """Of each structure and each network: Dice with the first network's mask, and with the truth."""
    for slices, truth in truths(cases):
        masks = [_mask(network, slices, truth) for network in networks]
        # Where exact computing finds nothing there is nothing to lose.
        agreement = [1.0 if not (masks[0].any() or mask.any()) else dice(mask, masks[0]) for mask in masks]
        yield [list(pair) for pair in zip(agreement, (dice(mask, truth) for mask in masks), strict=True)]


def _mask(network: SegmentationNetwork, slices: VolumeSlices, truth: np.ndarray) -> np.ndarray:
    (stage,) = segment(Tracker(network, slices), truth, PROMPT, 0)
    return stage.mask


def all_scores(
    networks: list[SegmentationNetwork], scans: int, cases: Path | None, log: Path
) -> dict[str, np.ndarray]:
    """Scores (structures, modes, 2) of each kind of data; cases in the log are not computed again."""
    return logged_scores(lambda case: case_scores(networks, [case]), scans, cases, log)


def table(scores: dict[str, np.ndarray], weights: str) -> ResultTable:
    """Mean and worst agreement with exact computing, and Dice, for each kind of data."""
    columns: dict[str, int | None] = {"": None}
    rows: list[list[Cell]] = [[mode] for mode in MODES]
    for kind, found in scores.items():
        titles = ("mean Dice with exact", "worst", "Dice with the truth")
        columns |= dict.fromkeys((f"{title}, {KINDS[kind]}" for title in titles), 3)
        agreement, truth = found[..., 0], found[..., 1]
        cells = np.stack([agreement.mean(axis=0), agreement.min(axis=0), truth.mean(axis=0)], axis=1)
        for row, numbers in zip(rows, cells.tolist(), strict=True):
            row.extend(numbers)
    counts = " and ".join(f"{len(found)} structures of {KINDS[kind]}" for kind, found in scores.items())
    about = measured("medsam2-lab shortcuts --cases CASES") | {"weights": f"weights {weights}"}
    return ResultTable(about | {"data": f"{counts}, one {PROMPT} each"}, columns, rows)


def shortcuts(scans: int, cases: Path | None, log: Path, weights: str = "starter") -> dict[str, ResultTable]:
    """The table.

    Args:
        scans: how many synthetic ones.
        cases: folder of the real cases; None for synthetic scans alone.
        log: file of what is computed already, to which more is added.
        weights: name or file.
    """
    # Memories in int8 are judged with networks of small images, too, where they would save nothing.
    with patch.object(model_shortcuts, "SIDE_FOR_INT8", 0):
        networks = [load_model(weights, "cpu", shortcuts=each) for each in MODES.values()]
    return {"shortcuts": table(all_scores(networks, scans, cases, log), weights)}
