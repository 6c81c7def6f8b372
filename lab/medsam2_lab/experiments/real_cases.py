"""Every protocol on the structures of the real cases: a table for each, and reports if asked for.

Run with ``make results``; needs the folder of cases (``../shared/data`` unless given).
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from medsam2.datasets import Case
from medsam2.evaluation.evaluating import Settings, evaluate
from medsam2.evaluation.report import Report, table
from medsam2.evaluation.summary import by_structure, last_scores
from medsam2.weights.loading import load_model

LEAST_VOXELS, LEAST_SLICES = 300, 3
DEFAULT_CASES = Path(__file__).resolve().parents[3] / "shared" / "data"


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


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", default="starter")
    parser.add_argument("--cases", type=Path, default=DEFAULT_CASES)
    parser.add_argument("--protocols", nargs="+", default=["click", "box", "corrections"])
    parser.add_argument("-o", "--output", type=Path, help="folder for a report of each protocol")
    arguments = parser.parse_args()
    network = load_model(arguments.weights)
    cases = real_cases(arguments.cases)
    for protocol in arguments.protocols:
        report = Report(Settings(protocol), {"dataset": "real cases", "weights": arguments.weights})
        for finding in evaluate(network, cases, report.settings):
            report.add(finding)
        summary = report.summary()
        print(f"\n{protocol}: {summary.seconds_per_slice:.3f} s per slice, view choice included.\n")
        rows = [*by_structure(last_scores(report.scores)).items(), (f"mean of {summary.count}", summary)]
        print(table(rows, lenient=False), flush=True)
        if arguments.output is not None:
            arguments.output.mkdir(exist_ok=True)
            report.write(arguments.output / protocol)


if __name__ == "__main__":
    main()
