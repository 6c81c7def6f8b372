"""Coordinates as people type: voxel indices i,j,k, millimetres R,A,S, or letters as in L60.5,A12,I341."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from medsam2.errors import InputError
from medsam2.prompt import Prompt
from medsam2.volume import VolumeSlices

SlicePosition = tuple[int, float, float]
"""Slice, row, column."""
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
    numbers = _numbers(parts, ijk)
    if numbers is None:
        raise InputError(
            f"--point {text} is not {words} or {words},+ or {words},- with numbers "
            f"({words[:3]} for a 2D image){_hint(parts, ijk)}."
        )
    return numbers, positive


def parse_box(text: str, ijk: bool = False) -> list[float]:
    """``"R,A,S,R,A,S"``, or ``"i,j,i,j"`` for a 2D image: two opposite corners, one after the other."""
    parts = [part.strip() for part in text.split(",")]
    half = len(parts) // 2
    first, last = _numbers(parts[:half], ijk), _numbers(parts[half:], ijk)
    if first is None or last is None or len(first) != len(last):
        words = space_words(ijk)
        flat = words[:3]
        raise InputError(
            f"--box {text} is not two corners {words},{words} of six numbers "
            f"({flat},{flat} of four for a 2D image){_hint(parts, ijk)}."
        )
    return first + last


def _hint(parts: Sequence[str], ijk: bool) -> str:
    """What is wrong with letters among the parts, as the end of a sentence; empty if nothing is."""
    lettered = [part for part in parts if part[:1].upper() in LETTERS]
    if ijk and lettered:
        return "; letters such as L60.5 are millimetres and go without --ijk"
    if any(part[1:].strip()[:1] in ("+", "-") for part in lettered):
        return "; a letter stands for the sign, so write R5 for L-5"
    return ""


def _numbers(parts: Sequence[str], ijk: bool) -> list[float] | None:
    """Two or three coordinates in the order of the space; None if the parts are not that."""
    if len(parts) not in (2, 3):
        return None
    if not ijk and all(part[:1].isalpha() for part in parts):
        return _lettered(parts)
    numbers = [number for part in parts if (number := _number(part)) is not None]
    return numbers if len(numbers) == len(parts) else None


def _lettered(parts: Sequence[str]) -> list[float] | None:
    """R, A, S from letters with numbers in any order: each axis once, and the letter in place of a sign."""
    signed = {}
    for part in parts:
        axis, sign = LETTERS.get(part[0].upper(), (None, 0))
        number = _number(part[1:])
        if axis is None or axis in signed or number is None or part[1:].strip()[0] in "+-":
            return None
        signed[axis] = sign * number
    return [signed[axis] for axis in sorted(signed)] if sorted(signed) == list(range(len(signed))) else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


class PlacedPrompts(NamedTuple):
    """One prompt for each prompted slice, and the first and last slice that a box reaches through."""

    prompts: list[Prompt]
    span: tuple[int, int] | None


class Coordinates:
    """Turns coordinates that people give into positions on the slices of a volume.

    Args:
        slices: the volume along the axis of tracking.
        ijk: coordinates are voxel indices i, j, k as Slicer shows them, rather than RAS millimetres.
    """

    def __init__(self, slices: VolumeSlices, ijk: bool):
        self.slices = slices
        self._ijk = ijk
        self._geometry = slices.volume.geometry

    def position(self, numbers: Sequence[float]) -> SlicePosition:
        """Slice, row and column of three coordinates, or of two on an image of a single slice."""
        given = np.array(numbers, float)
        if len(given) == 2:
            kji = self._on_single_slice(given)
        else:
            kji = given[::-1] if self._ijk else self._geometry.ras_to_kji(given)
        if not self._geometry.contains(kji):
            text = ", ".join(f"{number:g}" for number in given)
            raise InputError(
                f"The point {text} lies outside the image, where {self._ranges()}: check the coordinates and "
                f"whether they are {self._spaces()}."
            )
        return self.slices.position(kji)

    def _on_single_slice(self, given: np.ndarray) -> np.ndarray:
        """Indices (k, j, i) of two coordinates."""
        matrix = self._geometry.ijk_to_ras
        is_axial = np.abs(matrix[2, :2]).max() < 1e-3 * np.abs(matrix[:2, :2]).max()
        if self._geometry.shape[0] > 1 or not (self._ijk or is_axial):
            words = space_words(self._ijk)
            raise InputError(f"Two numbers name a point of a single 2D image only: give three here, {words}.")
        i, j = given if self._ijk else np.linalg.solve(matrix[:2, :2], given - matrix[:2, 3])
        return np.array([0.0, j, i])

    def _spaces(self) -> str:
        if self._ijk:
            return "voxel indices i, j, k (as --ijk says) or millimetres R, A, S"
        return "millimetres R, A, S or voxel indices i, j, k (--ijk)"

    def _ranges(self) -> str:
        """The range of each coordinate, such as ``i reaches from 0 to 511``."""
        corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(self._geometry.shape) - 1)
        positions = corners[:, ::-1] if self._ijk else self._geometry.kji_to_ras(corners)
        limits = zip(space_words(self._ijk).split(","), positions.min(0), positions.max(0), strict=True)
        return ", ".join(f"{word} reaches from {low:.0f} to {high:.0f}" for word, low, high in limits)

    def prompts(
        self, points: Iterable[tuple[list[float], bool]], box: Sequence[float] | None
    ) -> PlacedPrompts:
        """Prompts that points and a box make; InputError for background clicks alone.

        A box through several slices is a box on its middle slice, and limits tracking to its slices: against
        a box on each of them, or on three, that gives better masks, as it fits the object on none but the
        widest slice.
        """
        points = list(points)
        if box is None and not any(positive for _, positive in points):
            raise InputError("All points are background: add a point on the object, or a box round it.")
        by_slice: dict[int, list[tuple[float, float, bool]]] = {}
        for numbers, positive in points:
            index, row, column = self.position(numbers)
            by_slice.setdefault(index, []).append((row, column, positive))
        boxes, span = {}, None
        if box is not None:
            half = len(box) // 2
            index, row0, column0 = self.position(box[:half])
            other, row1, column1 = self.position(box[half:])
            boxes[(index + other) // 2] = (row0, column0, row1, column1)
            if index != other:
                span = min(index, other, *by_slice), max(index, other, *by_slice)
        prompts = [
            Prompt(index, tuple(by_slice.get(index, ())), boxes.get(index))
            for index in sorted({*by_slice, *boxes})
        ]
        return PlacedPrompts(prompts, span)
