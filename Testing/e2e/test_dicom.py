"""The command on DICOM folders: one volume of several is chosen, and a tilted one keeps its grid."""

import json

import nibabel
import numpy as np
import pytest

from e2e.conftest import said
from unit.volume.dicom.examples import ROOT, lps, ras, write_series


@pytest.fixture
def folder(tmp_path):
    """Two series, the second tilted with a bright block in it; one file of a third was cut off."""
    voxels = np.full((6, 40, 44), -20, np.int16)
    voxels[1:5, 10:30, 12:32] = 200
    write_series(tmp_path / "in" / "a")
    second = {"SeriesInstanceUID": f"{ROOT}.2.2", "SeriesNumber": 2}
    write_series(tmp_path / "in" / "b", lps(tilt=20), voxels, **second)
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
