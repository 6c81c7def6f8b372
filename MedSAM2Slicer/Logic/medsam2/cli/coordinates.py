"""Places as people type them: voxel indices i,j,k, millimetres R,A,S, or letters as in L60.5,A12,I341."""

import math
from collections.abc import Sequence

from medsam2.errors import InputError

LETTERS = {
    "R": (0, 1),
    "L": (0, -1),
    "A": (1, 1),
    "P": (1, -1),
    "S": (2, 1),
    "H": (2, 1),
    "I": (2, -1),
    "F": (2, -1),
}
"""Axis and sign in R, A, S of each letter; H and F are DICOM's words for head and feet."""


def space_words(ijk: bool) -> str:
    """What coordinates are called in messages."""
    return "i,j,k" if ijk else "R,A,S"


def parse_point(text: str, ijk: bool = False) -> tuple[list[float], bool]:
    """``"R,A,S"``, ``"R,A,S,-"``, or two numbers for a 2D image; and whether the click is positive."""
    parts = [part.strip() for part in text.split(",")]
    positive = True
    if len(parts) > 2 and parts[-1] in ("+", "-"):
        positive = parts.pop() == "+"
    words = space_words(ijk)
    numbers = _place(parts, ijk)
    if numbers is None:
        raise InputError(
            f"--point {text} is not {words} or {words},+ or {words},- with numbers{_hint(parts, ijk)}."
        )
    return numbers, positive


def parse_box(text: str, ijk: bool = False) -> list[float]:
    """``"R,A,S,R,A,S"``, or ``"i,j,i,j"`` for a 2D image: two opposite corners, one after the other."""
    parts = [part.strip() for part in text.split(",")]
    half = len(parts) // 2
    corners = _place(parts[:half], ijk), _place(parts[half:], ijk)
    if None in corners or len(corners[0]) != len(corners[1]):
        words = space_words(ijk)
        raise InputError(
            f"--box {text} is not two corners {words},{words} of six numbers{_hint(parts, ijk)}."
        )
    return corners[0] + corners[1]


def _hint(parts: Sequence[str], ijk: bool) -> str:
    """What is wrong with letters among the parts, as the end of a sentence; empty if nothing is."""
    lettered = [part for part in parts if part[:1].upper() in LETTERS]
    if ijk and lettered:
        return "; letters such as L60.5 are millimetres and go without --ijk"
    if any(part[1:].strip()[:1] in ("+", "-") for part in lettered):
        return "; a letter stands for the sign, so write R5 for L-5"
    return ""


def _place(parts: Sequence[str], ijk: bool) -> list[float] | None:
    """Two or three coordinates in the order of the space; None if the parts are not that."""
    if len(parts) not in (2, 3):
        return None
    if not ijk and all(part[:1].isalpha() for part in parts):
        return _lettered(parts)
    numbers = [_number(part) for part in parts]
    return None if None in numbers else numbers


def _lettered(parts: Sequence[str]) -> list[float] | None:
    """R, A, S from letters with numbers in any order: each axis once, and the letter in place of a sign."""
    places = {}
    for part in parts:
        axis, sign = LETTERS.get(part[0].upper(), (None, 0))
        number = _number(part[1:])
        if axis is None or axis in places or number is None or part[1:].strip()[0] in "+-":
            return None
        places[axis] = sign * number
    return [places[axis] for axis in sorted(places)] if sorted(places) == list(range(len(places))) else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
