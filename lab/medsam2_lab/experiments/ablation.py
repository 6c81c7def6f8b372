"""The parts of the self-sorting bank one by one, as in table 3 of the MedSAM-2 paper: one click, 3D Dice.

Synthetic scans are made anew, the same every time.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from medsam2.datasets import LabelledVolume
from medsam2.evaluation.metrics import dice
from medsam2.evaluation.protocols import segment
from medsam2.model.segmentation_network import SegmentationNetwork
from medsam2.tracking import SelfSortingMemory, TemporalMemory, Tracker
from medsam2.volume import VolumeSlices
from medsam2.weights.loading import load_model
from medsam2_lab.experiments.memory_rules import DrawnBank, EqualWeightsBank, LatestBank, OtherRule
from medsam2_lab.experiments.scans import scans_by_kind

CAPACITY = 7
"""As many memories as SAM 2's rule looks at: the prompted one and six others."""
RULES: dict[str, TemporalMemory | SelfSortingMemory] = {
    "temporal (SAM 2)": TemporalMemory(),
    "a bank of the latest": OtherRule(CAPACITY, iou_threshold=0.0, rule=LatestBank),
    "+ IoU threshold": OtherRule(CAPACITY, rule=LatestBank),
    "+ dissimilar templates": OtherRule(CAPACITY, rule=EqualWeightsBank),
    "+ resampling, expected": SelfSortingMemory(CAPACITY),
    "+ resampling, drawn": OtherRule(CAPACITY, rule=DrawnBank),
}


def structure_scores(
    network: SegmentationNetwork, case: LabelledVolume, most: int | None
) -> Iterator[list[float]]:
    """Dice of every rule, for each structure of a case."""
    slices = VolumeSlices(case.volume)
    for name in list(case.structures)[:most]:
        truth = case.labels == case.structures[name]
        row = []
        for memory in RULES.values():
            (stage,) = segment(Tracker(network, slices, memory=memory), truth, "click", 0)
            row.append(dice(stage.mask, truth))
        print(f"{case.name}, {name}: {' '.join(f'{score:.3f}' for score in row)}", flush=True)
        yield row


def table(scores: dict[str, np.ndarray]) -> str:
    """Markdown; ``scores`` hold (structures, rules) for each kind of data."""
    heads = [f"{kind}, {len(rows)} structures | difference" for kind, rows in scores.items()]
    lines = [f"| memory | {' | '.join(heads)} |", "|" + " --- |" * (1 + 2 * len(heads))]
    for column, rule in enumerate(RULES):
        cells = [rule]
        for rows in scores.values():
            gain = rows[:, column] - rows[:, 0]
            error = gain.std(ddof=1) / np.sqrt(len(gain))
            cells += [f"{rows[:, column].mean():.3f}", f"{gain.mean():+.3f} ± {error:.3f}" if column else ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def ablation(weights: str, scans: int, structures: int, cases: Path | None) -> None:
    """Print the table as Markdown: mean Dice, and the paired difference to SAM 2's rule.

    Args:
        weights: name or file.
        scans: how many synthetic ones.
        structures: most of each synthetic scan.
        cases: folder of the real cases; None for synthetic scans alone.
    """
    network = load_model(weights)
    most = {"synthetic": structures, "real": None}
    scores = {
        kind: np.array([row for case in of_kind for row in structure_scores(network, case, most[kind])])
        for kind, of_kind in scans_by_kind(scans, cases).items()
    }
    print("\n" + table(scores))
