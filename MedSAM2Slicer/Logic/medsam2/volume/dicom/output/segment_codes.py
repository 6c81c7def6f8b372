"""What a segment is, in codes of SNOMED CT, by its name."""

import json
import re
from dataclasses import dataclass
from functools import cache

from highdicom.sr import CodedConcept

from medsam2.resource_files import resource_path

_SIDES = ("left", "right")
_TISSUE = CodedConcept("85756007", "SCT", "Tissue")
"""Slicer's own entry for a segment about which nothing is known."""


@dataclass(frozen=True)
class SegmentCodes:
    """Category and type of a segment; the type has the side within it."""

    category: CodedConcept
    type: CodedConcept


def codes_of(name: str) -> SegmentCodes:
    """Codes of a name such as "left kidney", "Kidney_left" or "liver"; of an unknown one those of tissue."""
    words = re.split(r"[\s_\-,.]+", name.strip().lower())
    sides = [word for word in words if word in _SIDES]
    without_side = " ".join(word for word in words if word not in _SIDES)
    for category, kinds in _table()["types"].items():
        side, code = None, kinds.get(" ".join(words))
        if code is None and len(sides) == 1:
            side, code = sides[0], kinds.get(without_side)
        if code is not None:
            kind = _concept(code)
            if side is not None:
                kind.SegmentedPropertyTypeModifierCodeSequence = [_concept(_table()["sides"][side])]
            return SegmentCodes(_concept(_table()["categories"][category]), kind)
    return SegmentCodes(_TISSUE, _TISSUE)


@cache
def _table() -> dict[str, dict]:
    return json.loads(resource_path("segment_codes.json").read_text(encoding="utf-8"))


def _concept(code_and_meaning: list[str]) -> CodedConcept:
    code, meaning = code_and_meaning
    return CodedConcept(code, "SCT", meaning)
