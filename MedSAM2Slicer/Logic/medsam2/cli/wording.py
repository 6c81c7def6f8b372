"""How amounts, positions and notes reach people."""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LETTERS = ("LR", "PA", "IS")
"""For smaller and larger R, A, S."""


def significant(amount: float) -> float:
    """An amount to six digits, wherever its point is: objects of micro-CT are no nothings."""
    return float(f"{amount:.6g}")


def millilitres(volume: float) -> str:
    """A volume as people write it: 2,250 ml, 31 ml, 0.4 ml, and of less than 0.001 ml 0.25 mm³."""
    if volume >= 9.95:
        return f"{volume:,.0f} ml"
    if 0 < volume < 0.001:
        return f"{1000 * volume:.2g} mm³"
    return f"{volume:.1f} ml" if volume >= 0.095 else f"{volume:.2g} ml"


def megabytes(size: int) -> str:
    """A size in bytes as people write it."""
    return f"{size / 1e6:.0f} MB"


def digits_for(step: float) -> int:
    """Digits behind the point that tell positions apart which are ``step`` millimetres from each other."""
    return max(1, math.ceil(-math.log10(step) - 1e-9))


def spoken(millimetres: float, ras: int, digits: int) -> str:
    """A coordinate with the letter of its side, such as L60.5 for R = -60.5."""
    text = f"{abs(millimetres):.{digits}f}".rstrip("0").removesuffix(".")
    return LETTERS[ras][int(millimetres >= 0)] + text


@contextmanager
def collected_notes(show_them: bool = True) -> Iterator[list[str]]:
    """The text of every warning that is given during the block; if ``show_them``, it is shown as ever."""
    notes: list[str] = []
    show = warnings.showwarning

    def keep(message: Warning | str, *about: Any, **more: Any) -> None:
        notes.append(str(message))
        if show_them:
            show(message, *about, **more)

    warnings.showwarning = keep
    try:
        yield notes
    finally:
        warnings.showwarning = show
