"""Values of a DICOM header, checked before anything is built on them."""

import math
from collections.abc import Sequence
from typing import overload

from pydicom import Dataset


class DamagedFile(Exception):  # noqa: N818 - says what it is
    """A DICOM file that cannot be used; the message says why, as the end of "FILE is damaged: …"."""


def numbers(ds: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """The ``count`` numbers of an element, None where it is absent or empty.

    Raises:
        DamagedFile: there is something else than that many finite numbers.
    """
    try:
        value = ds.get(keyword)
        if value is None or value == "":
            return None
        parts = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        if not len(parts):
            return None
        found = tuple(float(part) for part in parts)
    except (ValueError, TypeError, OverflowError):
        found = ()
    if len(found) != count or not all(map(math.isfinite, found)):
        wanted = "a number" if count == 1 else f"{count} numbers"
        raise DamagedFile(f"its {_words(keyword)} is not {wanted}")
    return found


@overload
def number(ds: Dataset, keyword: str) -> float | None: ...


@overload
def number(ds: Dataset, keyword: str, default: float) -> float: ...


def number(ds: Dataset, keyword: str, default: float | None = None) -> float | None:
    """The number of an element, or ``default``; raises as :func:`numbers` does."""
    found = numbers(ds, keyword, 1)
    return default if found is None else found[0]


def positive(ds: Dataset, keyword: str) -> float | None:
    """The number of an element where it is above 0, else None; raises as :func:`numbers` does."""
    found = number(ds, keyword)
    return found if found is not None and found > 0 else None


@overload
def whole(ds: Dataset, keyword: str) -> int | None: ...


@overload
def whole(ds: Dataset, keyword: str, default: int) -> int: ...


def whole(ds: Dataset, keyword: str, default: int | None = None) -> int | None:
    """The whole number of an element, or ``default``; raises DamagedFile for anything else."""
    found = number(ds, keyword)
    if found is None:
        return default
    if found != int(found):
        raise DamagedFile(f"its {_words(keyword)} is not a whole number")
    return int(found)


def text(ds: Dataset, keyword: str) -> str:
    r"""An element as text, several values joined by backslashes; empty where it is absent."""
    value = ds.get(keyword)
    if value is None:
        return ""
    parts = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    # Whatever moves the cursor of a terminal has no place in a list of volumes.
    return "\\".join("".join(filter(str.isprintable, str(part))).strip() for part in parts)


def item(ds: Dataset, *keywords: str) -> Dataset:
    """The first item of a sequence, and of sequences in it; an empty dataset where one is absent."""
    for keyword in keywords:
        sequence = ds.get(keyword)
        ds = sequence[0] if isinstance(sequence, Sequence) and len(sequence) else Dataset()
    return ds


def _words(keyword: str) -> str:
    """``ImagePositionPatient`` as ``Image Position Patient``, which is nearly how DICOM writes it."""
    return "".join(f" {letter}" if letter.isupper() else letter for letter in keyword).strip()
