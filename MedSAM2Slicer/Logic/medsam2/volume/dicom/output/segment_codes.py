"""What a segment is, in codes of SNOMED CT as DICOM has them."""

from dataclasses import dataclass

from highdicom.sr import CodedConcept

from medsam2.segment_terms import Code, term_of

_TISSUE = CodedConcept("85756007", "SCT", "Tissue")
"""Slicer's own entry for a segment about which nothing is known."""


@dataclass(frozen=True)
class SegmentCodes:
    """Category and type of a segment; the type has the side within it."""

    category: CodedConcept
    type: CodedConcept


def codes_of(name: str) -> SegmentCodes:
    """Codes of a name such as "left kidney", "Kidney_left" or "liver"; of an unknown one those of tissue."""
    term = term_of(name)
    if term is None:
        return SegmentCodes(_TISSUE, _TISSUE)
    kind = _concept(term.type)
    if term.side is not None:
        kind.SegmentedPropertyTypeModifierCodeSequence = [_concept(term.side)]
    return SegmentCodes(_concept(term.category), kind)


def _concept(code: Code) -> CodedConcept:
    return CodedConcept(code.value, "SCT", code.meaning)
