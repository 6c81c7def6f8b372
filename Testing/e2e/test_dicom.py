"""The command on DICOM folders: one volume of several is chosen, and a tilted one keeps its grid."""

import json

import nibabel
import numpy as np
import pydicom
import pytest

from e2e.conftest import said
from medsam2.evaluation.metrics import dice
from medsam2.model.shortcuts import is_bf16_quick
from unit.volume.dicom.examples import ROOT, lps, ras, write_series


def bright_block() -> np.ndarray:
    voxels = np.full((6, 40, 44), -20, np.int16)
    voxels[1:5, 10:30, 12:32] = 200
    return voxels


@pytest.fixture
def folder(tmp_path):
    """Two series, the second tilted with a bright block in it; one file of a third was cut off."""
    write_series(tmp_path / "in" / "a")
    second = {"SeriesInstanceUID": f"{ROOT}.2.2", "SeriesNumber": 2}
    write_series(tmp_path / "in" / "b", lps(tilt=20), bright_block(), **second)
    cut = tmp_path / "in" / "b" / "cut.dcm"
    cut.write_bytes((tmp_path / "in" / "a" / "s00.dcm").read_bytes()[:-40])
    return tmp_path / "in"


def test_what_stands_in_the_way_is_said_in_one_line(here, folder, tmp_path):
    arguments = ("segment", folder, "--ijk", "--point", "20,20,3", "-o", tmp_path / "out.nii.gz")
    damaged = here(*arguments)
    several = here(*arguments, "--skip-damaged")
    assert (damaged.returncode, several.returncode) == (2, 2)
    (line,) = said(damaged.stderr)
    assert "cut.dcm is damaged" in line
    assert "volume 2 (series 2): CT, made up, 44 x 40 x 6" in said(several.stderr)[-1]


def test_a_chosen_tilted_series_keeps_its_grid_and_its_volume(segment, folder, tmp_path):
    out = tmp_path / "out.nii.gz"
    options = ("--skip-damaged", "--series", "2", "--ijk", "--point", "20,20,3", "--json", "-o", out)
    run = segment(folder, *options)
    assert run.returncode == 0, run.stderr
    (found,) = json.loads(run.stdout)["objects"]
    image = nibabel.load(out)
    np.testing.assert_allclose(image.affine, ras(lps(tilt=20)), atol=1e-5)
    voxels = int(np.count_nonzero(np.asarray(image.dataobj)))
    assert found["voxels"] == voxels > 100
    assert found["volume_ml"] == pytest.approx(voxels * 0.7 * 0.9 * 2.5 / 1000, abs=0.001)


def test_dicom_says_how_fast_it_was_computed_and_how_sure_it_is_hardly_changes(here, tmp_path):
    write_series(tmp_path / "in", stored=bright_block())
    found = {}
    for speed in ("exact", "fast"):
        out = tmp_path / f"{speed}.dcm"
        options = ("--ijk", "--point", "20,20,3", "--speed", speed, "--json", "-o", out)
        run = here("segment", tmp_path / "in", *options)
        assert run.returncode == 0, run.stderr
        found[speed] = json.loads(run.stdout)["objects"][0], pydicom.dcmread(out)
    (exact, exact_file), (fast, fast_file) = found["exact"], found["fast"]
    is_fast = is_bf16_quick("cpu")
    for file, name in ((exact_file, "starter"), (fast_file, "starter (fast)" if is_fast else "starter")):
        (algorithm,) = file.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence
        assert f"weights={name},sha256=" in algorithm.AlgorithmParameters
    assert dice(fast_file.pixel_array > 0, exact_file.pixel_array > 0) > 0.95
    for key in ("slices", "doubtful_slices", "emptied_slices"):
        assert fast[key] == exact[key]
    sure = np.array(
        [[[each["iou"], each["object_score"]] for each in one["scores"]] for one in (exact, fast)]
    )
    assert np.abs(sure[0] - sure[1]).max(axis=0) == pytest.approx([0, 0], abs=0.3)
    assert np.array_equal(*sure) is not is_fast
