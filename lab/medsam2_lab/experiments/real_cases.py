"""Every protocol on the structures of the real cases, and reports if asked for."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from medsam2.datasets import Case
from medsam2.evaluation.evaluating import Settings, evaluate
from medsam2.evaluation.report import Report
from medsam2.evaluation.scores import Summary, by_structure, last_scores
from medsam2.weights.loading import load_model
from medsam2_lab.result_tables import Cell, ResultTable, measured

LEAST_VOXELS, LEAST_SLICES = 300, 3
PROTOCOLS = {"click": "click", "box": "box", "corrections": "6 clicks"}
"""Each protocol, and what the table calls it."""


def real_cases(folder: Path) -> list[Case]:
    """The abdominal CT, then the lesions, with the structures that are large enough to count."""
    names = json.loads((folder / "ct_labels.json").read_text())
    values = {name: int(value) for value, name in names.items()}
    cases = [Case("abdomen", folder / "ct_dicom", (folder / "ct_labels.nii.gz",), values)]
    for image in sorted(folder.glob("*_image.nii.gz")):
        name = image.name.removesuffix("_image.nii.gz")
        cases.append(Case(name, image, (folder / f"{name}_label.nii.gz",), {name: 1}))
    return [with_large_structures(case) for case in cases]


def with_large_structures(case: Case) -> Case:
    """The case without structures that are too small to count."""
    known = case.read()
    masks = {name: known.labels == value for name, value in known.structures.items()}
    large = {
        name: known.structures[name]
        for name, mask in masks.items()
        if mask.sum() >= LEAST_VOXELS and mask.any(axis=(1, 2)).sum() >= LEAST_SLICES
    }
    return replace(case, structures=large)


def score_real_cases(
    folder: Path, weights: str, protocols: Sequence[str], output: Path | None
) -> dict[str, ResultTable]:
    """Scores of every structure, and seconds.

    Args:
        folder: of the cases.
        weights: name or file.
        protocols: some of ``PROTOCOLS``.
        output: folder for a report of each protocol, if wanted.
    """
    network = load_model(weights)
    cases = real_cases(folder)
    scores: dict[str, list[Summary]] = {}
    seconds: list[list[Cell]] = []
    for protocol in protocols:
        report = Report(Settings(protocol), {"dataset": "real cases", "weights": weights})
        for finding in evaluate(network, cases, report.settings):
            report.add(finding)
        summary = report.summary()
        seconds.append(
            [f"{PROTOCOLS[protocol]}, choice of the field of view included", summary.seconds_per_slice]
        )
        rows = by_structure(last_scores(report.scores)) | {f"mean of {summary.count}": summary}
        for name, scored in rows.items():
            scores.setdefault(name, []).append(scored)
        if output is not None:
            output.mkdir(exist_ok=True)
            report.write(output / protocol)
    about = measured("medsam2-lab real-cases") | {"weights": f"weights {weights}"}
    return {
        "real_cases": ResultTable(
            about, _columns(protocols), [_row(name, of) for name, of in scores.items()]
        ),
        "real_cases_speed": ResultTable(about, {"": None, "s per slice": 3}, seconds),
    }


def _columns(protocols: Sequence[str]) -> dict[str, int | None]:
    digits = {"Dice": 3, "NSD": 3, "HD95, mm": 1}
    titles = {
        f"{score}, {title}": digits[score] for score in digits for title in map(PROTOCOLS.get, protocols)
    }
    return {"structure": None, **titles}


def _row(name: str, scores: list[Summary]) -> list[Cell]:
    means = [
        [score.dice for score in scores],
        [score.nsd for score in scores],
        [score.hd95 for score in scores],
    ]
    return [name, *(mean and round(mean, 6) for kind in means for mean in kind)]
