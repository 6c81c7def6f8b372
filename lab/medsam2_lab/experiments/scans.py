"""The scans that experiments measure on: synthetic ones that no training has seen, and the real cases."""

from collections.abc import Iterator
from pathlib import Path

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
