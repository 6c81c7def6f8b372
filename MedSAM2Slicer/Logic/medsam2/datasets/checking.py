"""Finds every unusable file of a dataset before anything is computed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from medsam2.datasets.case import Case
from medsam2.datasets.reading import read_image, read_labels
from medsam2.errors import InputError

Read = TypeVar("Read")


@dataclass(frozen=True)
class Problem:
    """What is wrong with a file, in one sentence that names it."""

    file: Path
    sentence: str


def check_cases(cases: Sequence[Case]) -> list[Problem]:
    """Read every case; all problems are returned, in the order of the cases."""
    return [problem for case in cases for problem in _problems(case)]


def _problems(case: Case) -> Iterator[Problem]:
    found: list[Problem] = []

    def attempt(file: Path, read: Callable[[], Read]) -> Read | None:
        try:
            return read()
        except InputError as error:
            found.append(Problem(file, str(error)))
            return None

    image = attempt(case.image, partial(read_image, case.image))
    labels = [one for path in case.labels if (one := attempt(path, partial(read_labels, path)))]
    if image is not None and len(labels) == len(case.labels):
        attempt(next(iter(case.labels), case.image), partial(case.join, image, labels))
    yield from found
