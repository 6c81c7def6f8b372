"""Marks tests by their folder, so that ``-m`` chooses among them; in mixed folders files mark themselves."""

from pathlib import Path

import pytest

TESTING = Path(__file__).resolve().parent
MARKS = {
    "e2e": "process",
    "extension": "slicer",
    "parity": "network",
    "unit/lab": "network",
    "unit/model": "network",
    "unit/tracking": "network",
    "unit/training": "network",
    "unit/weights": "network",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        path = item.path.relative_to(TESTING).as_posix()
        for folder, mark in MARKS.items():
            if path.startswith(f"{folder}/"):
                item.add_marker(mark)
