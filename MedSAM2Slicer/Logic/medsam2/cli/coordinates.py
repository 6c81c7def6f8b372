"""Coordinates as people type: voxel indices i,j,k, millimetres R,A,S, or letters as in L60.5,A12,I341."""

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from medsam2.errors import InputError
from medsam2.prompt import DrawnLine, Prompt
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


def parse_line(option: str, text: str, ijk: bool = False) -> "GivenLine":
    """Positions as ``parse_point`` takes them, with spaces between, of ``--stroke`` or ``--lasso``.

    A sign after the last position counts for the line.
    """
    texts = re.sub(r"\s*,\s*", ",", text).split()
    sign = re.search(r",[+-]$", texts[-1]) if texts else None
    if sign is not None:
        texts[-1] = texts[-1][: sign.start()]
    positions = []
    for place in texts:
        numbers = _numbers(place.split(","), ijk)
        if numbers is None:
            words = space_words(ijk)
            raise InputError(
                f"{option} has {place}, which is not {words} with numbers ({words[:3]} for a 2D image)"
                f"{_hint(place.split(','), ijk)}: give positions with spaces between, and ,- after the last "
                "for background."
            )
        positions.append(numbers)
    if not positions:
        raise InputError(f"{option} has no position: give some, with spaces between.")
    return GivenLine(positions, sign is None or sign[0] == ",+")


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


class GivenLine(NamedTuple):
    """A stroke or lasso as given: coordinates of its positions, and whether it is positive."""

    positions: list[list[float]]
    positive: bool


@dataclass(frozen=True)
class GivenPrompts:
    """What is said of one object, in coordinates.

    Attributes:
        points: coordinates, and whether the click is positive.
        box: coordinates of two opposite corners, one after the other.
        strokes, lassos: lines.
    """

    points: Sequence[tuple[list[float], bool]] = ()
    box: Sequence[float] | None = None
    strokes: Sequence[GivenLine] = ()
    lassos: Sequence[GivenLine] = ()

    @property
    def shows_object(self) -> bool:
        """Whether it says where the object is, rather than only where it is not."""
        lines = (*self.strokes, *self.lassos)
        is_pointed_at = any(positive for _, positive in self.points) or any(line.positive for line in lines)
        return self.box is not None or is_pointed_at


@dataclass
class _OnSlice:
    """What is said on one slice."""

    points: list[tuple[float, float, bool]] = field(default_factory=list)
    box: tuple[float, float, float, float] | None = None
    strokes: list[DrawnLine] = field(default_factory=list)
    lassos: list[DrawnLine] = field(default_factory=list)


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

    def prompts(self, given: GivenPrompts) -> PlacedPrompts:
        """Prompts on slices; InputError where all is background, or a line leaves its slice.

        A box through several slices is a box on its middle slice, and limits tracking to its slices: against
        a box on each of them, or on three, that gives better masks, as it fits the object on none but the
        widest slice.
        """
        if not given.shows_object:
            raise InputError("All prompts are background: add a point on the object, or a box round it.")
        said: defaultdict[int, _OnSlice] = defaultdict(_OnSlice)
        for numbers, positive in given.points:
            index, row, column = self.position(numbers)
            said[index].points.append((row, column, positive))
        for stroke in given.strokes:
            index, line = self._line("stroke", stroke)
            said[index].strokes.append(line)
        for lasso in given.lassos:
            index, line = self._line("lasso", lasso)
            said[index].lassos.append(line)
        span = None
        if given.box is not None:
            half = len(given.box) // 2
            index, row0, column0 = self.position(given.box[:half])
            other, row1, column1 = self.position(given.box[half:])
            if index != other:
                span = min(index, other, *said), max(index, other, *said)
            said[(index + other) // 2].box = (row0, column0, row1, column1)
        prompts = [
            Prompt(index, tuple(on.points), on.box, strokes=tuple(on.strokes), lassos=tuple(on.lassos))
            for index, on in sorted(said.items())
        ]
        for prompt in prompts:
            prompt.check(self.slices.count, self.slices.grid(prompt.slice_index))
        return PlacedPrompts(prompts, span)

    def _line(self, what: str, given: GivenLine) -> tuple[int, DrawnLine]:
        """A line on its slice, and which that is."""
        places = [self.position(numbers) for numbers in given.positions]
        indices = [index for index, _, _ in places]
        if min(indices) < max(indices):
            raise InputError(
                f"A {what} runs through slices {min(indices)} to {max(indices)} along axis "
                f"{self.slices.axis}, but must lie on one: correct its positions, or choose another --axis."
            )
        return indices[0], DrawnLine(tuple((row, column) for _, row, column in places), given.positive)
