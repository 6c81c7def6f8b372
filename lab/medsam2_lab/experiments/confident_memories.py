"""Whether memories of which the network is sure, or several pathways, track better: one prompt, 3D Dice.

All rules share the image features of a structure. Synthetic scans are made anew, the same every time.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from medsam2.datasets import LabelledVolume
from medsam2.evaluation.answers import Answers
from medsam2.evaluation.metrics import dice
from medsam2.evaluation.protocols import FIRST_PROMPTS, OBJECT, segment
from medsam2.tracking import TemporalMemory, Tracker
from medsam2.volume import VolumeSlices
from medsam2.weights.loading import load_model
from medsam2_lab.experiments.gated_memory import GatedMemory
from medsam2_lab.experiments.pathways import Pathways, PathwayTracker
from medsam2_lab.experiments.real_cases import LEAST_SLICES, LEAST_VOXELS
from medsam2_lab.experiments.scans import scans_by_kind
from medsam2_lab.result_tables import Cell, ResultTable, measured

PROMPTS = ("click", "box")
TEMPORAL = "temporal (SAM 2)"
RULES: dict[str, GatedMemory | Pathways] = {
    "IoU above 0.3": GatedMemory(0.3),
    "IoU above 0.5": GatedMemory(0.5),
    "IoU above 0.7": GatedMemory(0.7),
    "IoU above 0.3, all pointers": GatedMemory(0.3, gates_pointers=False),
    "nearest six of 14 slices, IoU above 0.3": GatedMemory(0.3, reach=14),
    "three pathways (SAM2Long)": Pathways(),
    "two pathways where the IoU is below 0.7": Pathways(2, unsure=0.7, with_single=True),
}
Row = dict[str, float]
"""Dice by rule."""


def score(tracker: Tracker, truth: np.ndarray, prompt: str, rule: GatedMemory | Pathways | None) -> float:
    """Dice of a structure after one prompt, of SAM 2's rule where none is given.

    The tracker then knows nothing of it any more but image features.
    """
    if isinstance(rule, Pathways):
        answers = Answers(tracker.slices)
        (given,) = FIRST_PROMPTS[prompt](truth, tracker.slices.grid(0).spacing)
        for answer in PathwayTracker(tracker, rule).segment(OBJECT, given):
            answers.put(answer)
        mask = answers.volume()
    else:
        tracker.memory = rule or TemporalMemory()
        (stage,) = segment(tracker, truth, prompt, 0)
        mask = stage.mask
    tracker.forget(OBJECT)
    return dice(mask, truth)


def case_scores(
    tracker: Tracker, case: LabelledVolume, kind: str, rows: dict[str, Row]
) -> Iterator[tuple[str, Row]]:
    """Those of the structures and prompts that ``rows`` do not hold yet."""
    for structure, value in case.structures.items():
        truth = case.labels == value
        if truth.sum() < LEAST_VOXELS or truth.any(axis=(1, 2)).sum() < LEAST_SLICES:
            continue
        for prompt in PROMPTS:
            key = "|".join((kind, case.name, structure, prompt))
            if key not in rows:
                rules = {TEMPORAL: None, **RULES}
                yield key, {title: score(tracker, truth, prompt, rule) for title, rule in rules.items()}


def measure(weights: str, kinds: Mapping[str, Iterable[LabelledVolume]], log: Path) -> dict[str, Row]:
    """The rows of a log, and those that it lacks, which are added to it; by kind, case, structure, prompt."""
    network = load_model(weights)
    lines = log.read_text("utf-8").splitlines() if log.exists() else []
    rows: dict[str, Row] = dict(json.loads(line) for line in lines)
    with log.open("a", encoding="utf-8") as file:
        for kind, cases in kinds.items():
            for case in cases:
                tracker = Tracker(network, VolumeSlices(case.volume))
                for key, row in case_scores(tracker, case, kind, rows):
                    rows[key] = row
                    print(json.dumps([key, row]), file=file, flush=True)
    return rows


def table(rows: dict[str, Row]) -> ResultTable:
    """Mean Dice of SAM 2's rule, and the paired difference of every other to it ± standard error."""
    kinds = list(dict.fromkeys(key.split("|")[0] for key in rows))
    groups = {
        f"{kind}, {prompt}": [
            row for key, row in rows.items() if key.startswith(f"{kind}|") and key.endswith(f"|{prompt}")
        ]
        for kind in kinds
        for prompt in PROMPTS
    }
    cells: list[list[Cell]] = [
        ["structures", *(str(len(group)) for group in groups.values())],
        [TEMPORAL, *(f"{np.mean([row[TEMPORAL] for row in group]):.3f}" for group in groups.values())],
    ]
    for rule in RULES:
        gains = [np.array([row[rule] - row[TEMPORAL] for row in group]) for group in groups.values()]
        means = [f"{gain.mean():+.3f} ± {gain.std(ddof=1) / len(gain) ** 0.5:.3f}" for gain in gains]
        cells.append([rule, *means])
    about = measured("medsam2-lab confident-memories LOG --cases CASES")
    return ResultTable(about, {"memories": None, **dict.fromkeys(groups)}, cells)


def confident_memories(log: Path, weights: str, scans: int, cases: Path | None) -> dict[str, ResultTable]:
    """The table.

    Args:
        log: rows measured before; new ones are added.
        weights: name or file.
        scans: how many synthetic ones.
        cases: folder of the real cases; None for synthetic scans alone.
    """
    return {"confident_memories": table(measure(weights, scans_by_kind(scans, cases), log))}
