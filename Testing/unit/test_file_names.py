"""What a file may be called on any system."""

import unicodedata

import pytest

from medsam2.file_names import file_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('a/b\\c:d*e?f"g<h>i|j', "a_b_c_d_e_f_g_h_i_j"),
        ("a\nb\x7fc\udce9d\u202ee\u2028f", "a_b_c_d_e_f"),
        ("con", "_con"),
        ("NUL.1", "_NUL.1"),
        ("aux .b", "_aux .b"),
        ("com1", "_com1"),
        ("LPT²", "_LPT²"),
        (" con ", "_con"),
        ("-v", "_v"),
        ("~root", "_root"),
        (". hidden. ", "hidden"),
        ("...", "image"),
        (unicodedata.normalize("NFD", "é"), "é"),
        ("ä" * 120, "ä" * 100),
        ("a" * 199 + " b", "a" * 199),
    ],
)
def test_a_text_becomes_the_name_of_a_file(text, name):
    assert file_name(text) == name == file_name(name)


@pytest.mark.parametrize(
    "name",
    ["CT 1.2.840", "console", "com10", "Köln_2", "患者\u3000１", "می\u200cشود", "שלום\u200f1", "\ue000"],
)
def test_what_files_can_be_called_stays(name):
    assert file_name(name) == name
