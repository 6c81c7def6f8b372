"""What came of a cohort, read from its folder whoever did it; and as a table for spreadsheets."""

import csv
from collections.abc import Sequence
from pathlib import Path

from medsam2.cli.cohort.case import Case, CaseResult
from medsam2.cli.cohort.record import read_record
from medsam2.complete_file import complete_file
from medsam2.errors import InputError
from medsam2.spreadsheet_text import harmless_text

COLUMNS = (
    "case",
    "state",
    "object",
    "confidence",
    "volume_ml",
    "slices",
    "doubtful_slices",
    "seconds",
    "file",
    "reason",
    "notes",
)


def results_of(cases: Sequence[Case]) -> list[CaseResult]:
    """Results of the cases that are finished: failures first, then those to look at, by doubt."""
    results = [result for result in map(_result, cases) if result is not None]
    return sorted(results, key=_place)


def _place(result: CaseResult) -> tuple[bool, bool, float, str]:
    return result.state == "done", not result.is_doubtful, result.confidence or 0.0, result.name


def _result(case: Case) -> CaseResult | None:
    try:
        record = read_record(case)
    except InputError as error:
        return CaseResult(case.name, "failed", str(error))
    return None if record is None else record.result


def write_table(path: Path, results: Sequence[CaseResult]) -> None:
    """Write a CSV with a line for each object of each case, and one for each failure."""
    with (
        complete_file(path) as fresh,
        fresh.open("w", newline="", encoding="utf-8-sig", errors="backslashreplace") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for result in results:
            writer.writerows(map(_harmless, _lines(result)))


def _lines(result: CaseResult) -> list[list[object]]:
    notes = " ".join(result.notes)
    if result.state == "failed":
        return [[result.name, "failed", *[""] * 5, result.seconds, "", result.reason, notes]]
    return [
        [
            result.name,
            "done",
            entry.name,
            entry.confidence,
            entry.volume_ml,
            entry.slices,
            " ".join(map(str, entry.doubtful_slices)),
            result.seconds,
            result.files[0],
            "",
            notes,
        ]
        for entry in result.objects
    ]


def _harmless(cells: Sequence[object]) -> list[object]:
    return [harmless_text(cell) if isinstance(cell, str) else cell for cell in cells]
