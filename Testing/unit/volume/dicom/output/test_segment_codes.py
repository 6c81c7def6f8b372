"""Names that people and TotalSegmentator give become the standard's codes."""

import json

import pytest
from pydicom.sr._concepts_dict import concepts

from medsam2.resource_files import resource_path
from medsam2.volume.dicom.output.segment_codes import codes_of

TABLE = json.loads(resource_path("segment_codes.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "category", "kind", "side"),
    [
        ("liver", "Anatomical Structure", "Liver", None),
        ("Left Kidney", "Anatomical Structure", "Kidney", "Left"),
        ("kidney_right", "Anatomical Structure", "Kidney", "Right"),
        ("left ventricle", "Anatomical Structure", "Left ventricle", None),
        ("vertebrae_L3", "Anatomical Structure", "L3 vertebra", None),
        ("urinary-bladder", "Anatomical Structure", "Bladder", None),
        ("tumor", "Morphologically Altered Structure", "Neoplasm", None),
        ("left right kidney", "Tissue", "Tissue", None),
        ("Segment_1", "Tissue", "Tissue", None),
        ("", "Tissue", "Tissue", None),
    ],
)
def test_a_name_becomes_codes(name, category, kind, side):
    codes = codes_of(name)
    modifiers = codes.type.get("SegmentedPropertyTypeModifierCodeSequence", [])
    assert (codes.category.meaning, codes.type.meaning) == (category, kind)
    assert [each.meaning for each in modifiers] == ([] if side is None else [side])


def test_one_side_does_not_stay_with_the_next_name():
    codes_of("left kidney")
    assert "SegmentedPropertyTypeModifierCodeSequence" not in codes_of("kidney").type


def test_every_code_is_snomed_s_with_its_meaning():
    known = {
        (code, meaning.lower()) for each in concepts["SCT"].values() for code, (meaning, _) in each.items()
    }
    for group in (TABLE["sides"], *TABLE["types"].values()):
        for code, meaning, *_color in group.values():
            assert (code, meaning.lower()) in known
