"""Strokes and lassos on the command line and in prompt files."""

import json

import numpy as np
import SimpleITK

from e2e.conftest import write_image

STROKE = "17,24,4 20,24,4 24,25,4"


def segmented(segment, image, tmp_path, *arguments) -> np.ndarray:
    out = tmp_path / "out.nrrd"
    run = segment(image, "--ijk", *arguments, "-o", out, "--overwrite", "--json")
    assert run.returncode == 0, run.stderr
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(out))) > 0


def test_lines_segment_and_a_prompt_file_says_the_same(segment, ball, tmp_path):
    lasso = "9,13,4 31,13,4 31,35,4 9,35,4"
    removed = "22,10,4 40,10,4 40,40,4 22,40,4,-"
    options = ("--range", "3:5", "--stroke", STROKE, "--lasso", lasso, "--lasso", removed)
    found = segmented(segment, ball, tmp_path, *options, "--preview", tmp_path / "out.png")
    assert found[3:6].any(axis=(1, 2)).all()
    assert not found[4, :, 23:40].any()
    assert (tmp_path / "out.png").stat().st_size > 10_000

    def places(text: str) -> list[list[float]]:
        return [[float(word) for word in place.split(",")[:3]] for place in text.split()]

    lassos = [{"positions": places(lasso)}, {"positions": places(removed), "positive": False}]
    entry = {"name": "a", "strokes": [{"positions": places(STROKE)}], "lassos": lassos}
    (tmp_path / "p.json").write_text(json.dumps({"space": "ijk", "objects": [entry]}))
    out = tmp_path / "again.nrrd"
    assert segment(ball, "--range", "3:5", "--prompts", "p.json", "-o", out).returncode == 0
    again = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(out))) > 0
    np.testing.assert_array_equal(again, found)


def test_a_line_through_several_slices_is_one_sentence(segment, ball, tmp_path):
    run = segment(ball, "--ijk", "--stroke", "17,24,4 24,25,5", "-o", tmp_path / "out.nrrd")
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1] == (
        "medsam2: A stroke runs through slices 4 to 5 along axis k, but must lie on one: correct its "
        "positions, or choose another --axis."
    )


def test_lines_on_a_2d_image_have_two_numbers(segment, tmp_path):
    plane = np.zeros((1, 48, 48), np.int16)
    plane[0, 14:34, 12:30] = 200
    image = write_image(tmp_path / "plane.nii.gz", plane)
    lasso = segmented(segment, image, tmp_path, "--lasso", "10,12 31,12 31,36 10,36")
    assert lasso[0, 14:34, 12:30].mean() > 0.9
    assert not lasso[0, :10].any()
