"""Prompt files in every encoding are read; those that no person wrote are refused in a sentence, at once."""

import codecs
import json

import pytest

from medsam2.cli.prompt_file import MOST_BYTES, read_prompt_file
from medsam2.errors import InputError

DOCUMENT = {
    "space": "ijk",
    "objects": [{"name": "Äpfel", "points": [[3, 4, 5], [3, 4, "-"]], "box": [1, 2, 3, 4]}],
}
TEXT = json.dumps(DOCUMENT, ensure_ascii=False)


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
    ],
)
def test_every_encoding_of_json_is_read(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    assert read_prompt_file(tmp_path / "a.json") == DOCUMENT


def objects(*entries) -> str:
    return json.dumps({"space": "ijk", "objects": entries})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 100_000, "nests brackets too deeply"),
        ('{"a":' * 100_000, "nests brackets too deeply"),
        (objects(*[{"name": "a"}] * 100_000), "has 100000 objects: give at most 255"),
        (objects({"name": "a", "points": [[1, 2, 3]] * 100_000}), r"has 100000 points at \$\.objects\[0\]"),
        (
            objects({"name": "a", "strokes": [{"positions": [[1, 2, 3]] * 600}] * 2}),
            r"has 1200 positions of lines at \$\.objects\[0\]: give at most 1000",
        ),
        (objects({"name": "a", "lassos": [{}] * 100_000}), "has 100000 positions of lines"),
        ("[" + "0," * MOST_BYTES + "0]", "is larger than 4 MiB"),
        ("", "is no usable JSON"),
        ("\xff\xfe\xfa", "is no usable JSON"),
        ('{"space": "ras", "space": "ijk"}', "is no usable JSON: 'space' stands twice in one object"),
        ('{"objects": [{"points": [[1, 2, 3]], "points": [[4, 5, 6]]}]}', "'points' stands twice"),
        ("[]", "is wrong at"),
        (objects({"name": "a" * 100_000, "points": 1}), "is wrong at"),
        (objects({"name": "a", "points": [[1, 2, [3] * 9999]]}), r"points\[0\]\[2\]"),
        (objects("x"), r"objects\[0\]"),
    ],
)
def test_files_that_no_person_wrote_are_refused_in_a_sentence(tmp_path, content, message):
    (tmp_path / "a.json").write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match=message) as refusal:
        read_prompt_file(tmp_path / "a.json")
    assert len(str(refusal.value)) < 600


def test_brackets_nested_below_the_limit_of_the_parser_are_refused(tmp_path):
    for depth in (300, 900, 3000):
        (tmp_path / "a.json").write_text('{"space": "ijk", "objects": [' + "[" * depth + "]" * depth + "]}")
        with pytest.raises(InputError) as refusal:
            read_prompt_file(tmp_path / "a.json")
        assert len(str(refusal.value)) < 600


@pytest.mark.parametrize("number", ["9" * 400, "-" + "9" * 5000, "1e999", "NaN"])
def test_numbers_beyond_all_bounds_become_places_outside(tmp_path, number):
    (tmp_path / "a.json").write_text(
        f'{{"space": "ijk", "objects": [{{"name": "a", "points": [[{number}, 2, 3]]}}]}}'
    )
    (point,) = read_prompt_file(tmp_path / "a.json")["objects"][0]["points"]
    assert isinstance(point[0], float)
    assert not abs(point[0]) < 1e308


def test_a_folder_is_no_prompt_file(tmp_path):
    with pytest.raises(InputError, match="does not exist or is no file"):
        read_prompt_file(tmp_path)
