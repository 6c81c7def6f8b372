"""``medsam2 info`` tells what an image holds and where to click in it."""

import json
import re

import numpy as np
import pytest
import SimpleITK

from e2e.conftest import said, write_image


def test_the_facts_are_those_of_the_image(medsam2, ball):
    run = medsam2("info", ball, "--json")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    image = SimpleITK.ReadImage(str(ball))
    assert report["size"] == list(image.GetSize())
    assert report["spacing_mm"] == pytest.approx(image.GetSpacing())
    assert report["intensities"] == {"lowest": -20, "highest": 150, "type": "int16", "like_ct": False}
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(image.GetSize()) - 1)
    ras = [image.TransformIndexToPhysicalPoint(corner.tolist()) for corner in corners] * np.array([-1, -1, 1])
    for number, name in enumerate("RAS"):
        limits = ras[:, number].min(), ras[:, number].max()
        assert report["range_mm"][name] == pytest.approx(limits, abs=0.01)
    assert "axial slices along k" in report["orientation"]
    assert "k to the feet" in report["orientation"]
    assert "tilted by up to 17.2 degrees" in report["orientation"]


def test_the_middle_that_it_names_can_be_clicked(medsam2, ball, tmp_path):
    run = medsam2("info", ball)
    assert run.returncode == 0, run.stderr
    indices = re.search(r"--ijk --point (\S+),", run.stdout)[1]
    out = tmp_path / "out.nrrd"
    click = medsam2("segment", ball, "--ijk", "--point", indices, "--range", "4:4", "-o", out)
    assert click.returncode == 0, click.stderr


def test_the_picture_is_a_png_of_the_slices_wanted(medsam2, ball, tmp_path):
    wide, narrow = tmp_path / "six.png", tmp_path / "one.png"
    assert medsam2("info", ball, "--picture", wide).returncode == 0
    assert medsam2("info", ball, "--picture", narrow, "--slice", 4).returncode == 0
    sizes = [SimpleITK.ReadImage(str(path)).GetSize() for path in (wide, narrow)]
    assert sizes[0][0] > 1.5 * sizes[1][0]


def test_a_photograph_has_no_place_in_a_patient(medsam2, tmp_path):
    photograph = tmp_path / "skin.png"
    write_image(photograph, np.arange(600, dtype=np.uint8).reshape(20, 30))
    run = medsam2("info", photograph)
    assert run.returncode == 0, run.stderr
    assert "30 x 20" in run.stdout
    assert "does not say where the image lies" in run.stdout
    assert "mm (" not in run.stdout


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (("--slice", "2"), "give --picture"),
        (("--picture", "out.png", "--slice", "8"), "--slice 8 does not exist: give a slice from 0 to 7"),
        (("--picture", "out.tiff"), "end its name with .png"),
        (("--picture", "none/out.png"), "none"),
    ],
)
def test_what_cannot_be_drawn_is_refused(medsam2, ball, tmp_path, options, hint):
    run = medsam2("info", ball, *options)
    assert run.returncode == 2
    (line,) = said(run.stderr)
    assert hint in line
    assert not (tmp_path / "out.png").exists()
