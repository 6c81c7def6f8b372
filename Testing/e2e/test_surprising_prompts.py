"""Prompts that used to surprise: background on other slices, ranges elsewhere, clicks on nothing."""

import json

import numpy as np
import SimpleITK

from e2e.conftest import write_image

CLICK = ("--ijk", "--point", "20,24,4")


def segmented(segment, image, tmp_path, *arguments) -> tuple[np.ndarray, dict]:
    out = tmp_path / "out.nrrd"
    run = segment(image, *arguments, "-o", out, "--overwrite", "--json")
    assert run.returncode == 0, run.stderr
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(out))), json.loads(run.stdout)


def test_background_beside_the_object_and_a_range_elsewhere_leave_the_masks_as_they_are(
    segment, ball, tmp_path
):
    alone, _ = segmented(segment, ball, tmp_path, *CLICK)
    beside = ("--point", "4,4,3,-", "--point", "44,44,5,-", "--point", "4,44,7,-")
    found, report = segmented(segment, ball, tmp_path, *beside, *CLICK)
    np.testing.assert_array_equal(found, alone)
    assert report["objects"][0]["emptied_slices"] in ([], [7])
    above, _ = segmented(segment, ball, tmp_path, *CLICK, "--range", "5:6")
    np.testing.assert_array_equal(above[5:7], alone[5:7])
    assert alone[5:7].any()
    assert not above[:5].any()


def test_a_background_point_on_the_object_empties_its_slice_by_name(segment, ball, tmp_path):
    found, report = segmented(segment, ball, tmp_path, *CLICK, "--point", "20,24,5,-")
    assert found[4].any()
    assert not found[5:].any()
    assert report["objects"][0]["emptied_slices"] == [5]


def test_an_empty_image_is_noted(segment, tmp_path):
    image = write_image(tmp_path / "empty.nii.gz", np.full((6, 48, 48), 7, np.int16))
    _, report = segmented(segment, image, tmp_path, "--ijk", "--point", "20,24,3")
    assert any("one brightness only" in note for note in report["notes"])


def test_a_view_that_no_slice_needs_is_one_sentence(segment, ball, tmp_path):
    run = segment(ball, *CLICK, "--view", "1e300", "-o", tmp_path / "out.nrrd")
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1].startswith("medsam2: A field of view of 1e+300 mm is far larger")
    assert "Traceback" not in run.stderr
