"""The scans that experiments measure on: synthetic ones that no training has seen, and the real cases."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from medsam2.datasets import LabelledVolume
from medsam2_lab.experiments.real_cases import real_cases
from medsam2_lab.synthetic.volumes import make_scan

FIRST_SCAN = 9000
"""Numbers of the scans, far from those of any training set."""
KINDS = {"synthetic": "synthetic scans", "real": "real cases"}
"""What tables call them."""


def synthetic_cases(count: int) -> Iterator[LabelledVolume]:
    """CT and MR in turn."""
    for number in range(count):
        scan = make_scan(FIRST_SCAN + number, ("CT", "MR")[number % 2])
        yield LabelledVolume(f"scan {number}", scan.volume, scan.labels, scan.structures)


def scans_by_kind(synthetic: int, cases: Path | None) -> dict[str, Iterator[LabelledVolume]]:
    """The scans of each of the ``KINDS``, made when asked for; without a folder there are no real ones."""
    kinds = {"synthetic": synthetic_cases(synthetic)}
    if cases is not None:
        kinds["real"] = (case.read() for case in real_cases(cases))
    return kinds


def logged_scores(
    score: Callable[[LabelledVolume], Iterable[list]], synthetic: int, cases: Path | None, log: Path
) -> dict[str, np.ndarray]:
    """Scores (structures, ...) of each kind of scans; scans in the log are not scored again.

    Args:
        score: of a scan, the scores of each structure.
        synthetic, cases: as for ``scans_by_kind``.
        log: file of lines of JSON, to which more are added.
    """
    known = [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() else []
    done = {entry["case"]: entry["scores"] for entry in known}
    scores: dict[str, list[list]] = {}
    for kind, of_kind in scans_by_kind(synthetic, cases).items():
        for case in of_kind:
            if case.name not in done:
                done[case.name] = list(score(case))
                with log.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps({"case": case.name, "scores": done[case.name]}) + "\n")
            scores.setdefault(kind, []).extend(done[case.name])
    return {kind: np.array(rows) for kind, rows in scores.items()}
