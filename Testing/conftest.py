"""Marks tests by their folder, so that ``-m`` chooses among them; in mixed folders files mark themselves."""

import os
from pathlib import Path

import pytest

# Ray on loopback alone. It reads this when it is imported, by whichever test of a process comes first.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"

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
