"""One object of a segmentation, and what it may be called."""

import unicodedata
from dataclasses import dataclass

import numpy as np

from medsam2.errors import InputError

Color = tuple[float, float, float]
"""Red, green, blue from 0 to 1."""

LONGEST_NAME = 200
PALETTE: tuple[Color, ...] = (
    (0.95, 0.55, 0.20),
    (0.30, 0.75, 0.93),
    (0.55, 0.83, 0.35),
    (0.91, 0.40, 0.62),
    (0.98, 0.83, 0.30),
    (0.60, 0.52, 0.90),
    (0.25, 0.72, 0.62),
    (0.85, 0.36, 0.30),
)


@dataclass(frozen=True, eq=False)
class Segment:
    """One object of a segmentation.

    Attributes:
        name, color: how it is shown.
        mask: (k, j, i) bool.
        label: its value in a labelmap, above 0; None takes the next free one.
    """

    name: str
    color: Color
    mask: np.ndarray
    label: int | None = None


@dataclass(frozen=True)
class WeightsUsed:
    """The weights that segmented: their name, and their SHA-256, None where only a server has them."""

    name: str
    sha256: str | None = None


def long_string(name: str) -> str:
    """As much of a name as DICOM's LO holds: 64 characters, none of which separates values."""
    return name.replace("\\", "/")[:64].strip()


def check_segment_name(name: str) -> str:
    """The name without spaces round it.

    Raises:
        InputError: it is empty, longer than ``LONGEST_NAME``, or holds characters that no file can keep.
    """
    name = name.strip()
    if not name:
        raise InputError("A segment has an empty name: give each a name.")
    if len(name) > LONGEST_NAME:
        raise InputError(
            f"The segment name {name[:20]}… has {len(name)} characters: give one of at most {LONGEST_NAME}."
        )
    # Control characters, and halves of characters that UTF-8 cannot write.
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise InputError(f"The segment name {name!a} holds characters that no file can keep: rename it.")
    return name
