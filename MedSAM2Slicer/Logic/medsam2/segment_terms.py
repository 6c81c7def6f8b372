"""What a segment is, by its name: codes of SNOMED CT, and how Slicer shows it."""

import json
import re
from dataclasses import dataclass
from functools import cache

from medsam2.resource_files import resource_path

_SIDES = ("left", "right")


@dataclass(frozen=True)
class Code:
    """A concept of SNOMED CT."""

    value: str
    meaning: str


@dataclass(frozen=True)
class SegmentTerm:
    """What a segment is.

    Attributes:
        category, type, side: the side is None where there is none, or where the type says it.
        color: red, green, blue from 0 to 1, as Slicer's list "General Anatomy" recommends; None for what that
            list does not have.
    """

    category: Code
    type: Code
    side: Code | None = None
    color: tuple[float, float, float] | None = None


def term_of(name: str) -> SegmentTerm | None:
    """The term of a name such as "left kidney", "Kidney_left" or "liver"; None for an unknown one."""
    words = re.split(r"[\s_\-,.]+", name.strip().lower())
    sides = [word for word in words if word in _SIDES]
    without_side = " ".join(word for word in words if word not in _SIDES)
    table = _table()
    for category, kinds in table["types"].items():
        side, kind = None, kinds.get(" ".join(words))
        if kind is None and len(sides) == 1:
            side, kind = Code(*table["sides"][sides[0]]), kinds.get(without_side)
        if kind is not None:
            value, meaning, *color = kind
            recommended = tuple(part / 255 for part in color[0]) if color else None
            return SegmentTerm(Code(*table["categories"][category]), Code(value, meaning), side, recommended)
    return None


@cache
def _table() -> dict[str, dict]:
    return json.loads(resource_path("segment_codes.json").read_text(encoding="utf-8"))
