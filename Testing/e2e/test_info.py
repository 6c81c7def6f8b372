"""What ``medsam2 info`` says and draws can be used with ``medsam2 segment``."""

import re

from e2e.conftest import said


def test_the_middle_that_it_names_can_be_clicked(medsam2, segment, ball, tmp_path):
    run = medsam2("info", ball, "--picture", "places.png")
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "places.png").stat().st_size > 10_000
    click = re.search(r"or --point (\S+)", run.stdout)[1]
    out = tmp_path / "out.nrrd"
    clicked = segment(ball, "--point", click, "--range", "4:4", "-o", out)
    assert clicked.returncode == 0, clicked.stderr


def test_the_picture_never_takes_the_place_of_an_image(here, ball, tmp_path):
    scan = ball.rename(tmp_path / "scan.png")
    before = scan.read_bytes()
    run = here("info", scan, "--picture", tmp_path / "." / "scan.png", "--overwrite")
    assert run.returncode == 2
    assert "which this command reads" in said(run.stderr)[0]
    assert scan.read_bytes() == before
