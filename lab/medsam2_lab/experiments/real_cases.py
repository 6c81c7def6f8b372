"""Every protocol on the structures of the real cases: a table for each, and reports if asked for."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from medsam2.datasets import Case
from medsam2.evaluation.evaluating import Settings, evaluate
from medsam2.evaluation.report import Report, table
from medsam2.evaluation.summary import by_structure, last_scores
from medsam2.weights.loading import load_model

LEAST_VOXELS, LEAST_SLICES = 300, 3


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


def score_real_cases(folder: Path, weights: str, protocols: Sequence[str], output: Path | None) -> None:
    """Print the tables as Markdown.

    Args:
        folder: of the cases.
        weights: name or file.
        protocols: some of click, box and corrections.
        output: folder for a report of each protocol, if wanted.
    """
    network = load_model(weights)
    cases = real_cases(folder)
    for protocol in protocols:
        report = Report(Settings(protocol), {"dataset": "real cases", "weights": weights})
        for finding in evaluate(network, cases, report.settings):
            report.add(finding)
        summary = report.summary()
        print(f"\n{protocol}: {summary.seconds_per_slice:.3f} s per slice, view choice included.\n")
        rows = [*by_structure(last_scores(report.scores)).items(), (f"mean of {summary.count}", summary)]
        print(table(rows, lenient=False), flush=True)
        if output is not None:
            output.mkdir(exist_ok=True)
            report.write(output / protocol)
