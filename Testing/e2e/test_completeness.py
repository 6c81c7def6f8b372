"""Outputs appear complete and together, or not at all."""

import subprocess
import sys

import pytest

from e2e.conftest import ENVIRONMENT, said

CLICK = ("--ijk", "--point", "20,24,4")

# What a person does who presses Ctrl+C during the first call of a function.
INTERRUPTED = """
import os, signal, sys
from importlib import import_module
holder, name = import_module(sys.argv[1]), sys.argv[2]
*owners, name = name.split(".")
for owner in owners:
    holder = getattr(holder, owner)
original = getattr(holder, name)
def interrupted(*arguments, **options):
    original(*arguments, **options)
    os.kill(os.getpid(), signal.SIGINT)
    raise AssertionError("not interrupted")
setattr(holder, name, interrupted)
sys.argv[1:] = sys.argv[3:]
from medsam2.cli.main import run
run()
"""


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"home"}


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("medsam2.volume", "VolumeMasks.put"),
        ("SimpleITK", "WriteImage"),
        ("medsam2.volume.files.writing", "read_itk_image"),
    ],
)
def test_ctrl_c_leaves_nothing(ball, tmp_path, module, function):
    arguments = ["segment", ball, *CLICK, "-o", tmp_path / "out.nrrd", "--preview", tmp_path / "out.png"]
    run = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, module, function, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**ENVIRONMENT, "MEDSAM2_HOME": str(tmp_path / "home")},
    )
    assert (run.returncode, run.stdout, said(run.stderr)) == (130, "", ["Stopped: nothing was written."])
    assert names(tmp_path) == {"ball.nrrd"}


def refused(run) -> str:
    assert run.returncode == 2, run.stdout + run.stderr
    (line,) = said(run.stderr)
    return line


def test_a_preview_that_cannot_be_written_costs_no_computing_and_leaves_no_mask(here, ball, tmp_path):
    (tmp_path / "taken.png").mkdir()
    run = here("segment", ball, *CLICK, "-o", tmp_path / "out.nrrd", "--preview", tmp_path / "taken.png")
    assert "taken.png is a folder" in refused(run)
    assert names(tmp_path) == {"ball.nrrd", "taken.png"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_disk_too_full_for_the_preview_leaves_the_older_mask(ball, tmp_path):
    (tmp_path / "out.nrrd").write_text("older")
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
    outputs = ["-o", tmp_path / "out.nrrd", "--preview", tmp_path / "out.png", "--overwrite"]
    arguments = ["segment", ball, *CLICK, *outputs]
    run = subprocess.run(
        [
            sys.executable,
            "-B",
            "-c",
            limited + "from medsam2.cli.main import run; run()",
            *map(str, arguments),
        ],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**ENVIRONMENT, "MEDSAM2_HOME": str(tmp_path / "home")},
    )
    assert "out.png was not written: the disk is full" in refused(run)
    assert names(tmp_path) == {"ball.nrrd", "out.nrrd"}
    assert (tmp_path / "out.nrrd").read_text() == "older"


@pytest.mark.parametrize("name", ["taken.nrrd", "no/out.nrrd"])
def test_destinations_are_checked_before_the_image_is_read(here, tmp_path, name):
    (tmp_path / "taken.nrrd").mkdir()
    line = refused(here("segment", tmp_path / "absent.nrrd", *CLICK, "-o", tmp_path / name))
    assert name.split("/")[0] in line
    assert "absent" not in line
