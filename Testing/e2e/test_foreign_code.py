"""Python files in the folder where someone works, such as one of downloaded images, are never run."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from e2e.conftest import ENVIRONMENT, LOGIC
from kept_speed import keep_speed
from medsam2.client import BlockingClient, LocalBackend
from medsam2.client.local_backend import child_command, child_environment
from medsam2.prompt import Prompt
from unit.training.examples import THIN, write_set

NAMES = "typer torch numpy json msgpack uvicorn psutil multiprocessing sitecustomize usercustomize medsam2"


@pytest.fixture
def trap(tmp_path, monkeypatch) -> Path:
    """The working folder: its Python files leave a mark when they are imported."""
    folder = tmp_path / "images"
    folder.mkdir()
    for name in NAMES.split():
        (folder / f"{name}.py").write_text(f"open(r'{tmp_path}/ran-{name}', 'w')\nraise SystemExit(9)\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return folder


def marks(folder: Path) -> list[Path]:
    return list(folder.parent.glob("ran-*"))


def test_the_trap_works(trap):
    subprocess.run([sys.executable, "-m", "medsam2.cli.main", "--help"], env=ENVIRONMENT, capture_output=True)
    assert marks(trap)


def test_the_local_backend_runs_nothing_of_the_working_folder(trap, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", ".", str(LOGIC), "../images", ""]))
    voxels = np.random.default_rng(0).integers(0, 200, (2, 32, 32)).astype(np.int16)
    with BlockingClient(LocalBackend()) as client:
        client.open_volume(voxels, (1, 1, 1), window=(0, 200))
        client.prompt("a", "k", Prompt(0, ((16, 16, True),)))
    assert not marks(trap)


def test_no_command_that_is_started_needs_python_to_know_of_safe_paths(trap, tmp_path):
    """Python 3.10 does not: it knows neither ``-P`` nor the variable."""
    environment = child_environment(sys.executable) | {"MEDSAM2_HOME": str(tmp_path / "home")}
    del environment["PYTHONSAFEPATH"]
    keep_speed(environment)
    command = child_command(sys.executable, "weights", "list", "--json")
    run = subprocess.run(
        command, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert not marks(trap)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 cannot be told so by a variable.")
def test_neither_do_the_processes_that_cut_clips(trap, tmp_path):
    cases = write_set(tmp_path / "set", range(2), THIN)
    options = ["train", str(cases), "-o", str(tmp_path / "run"), "--steps", "1"]
    options += ["--workers", "1", "--image-size", "128", "--frames", "2", "--clips", "1"]
    environment = child_environment(sys.executable)
    del environment["PYTHONSAFEPATH"]
    spawn = (
        "import sys; sys.path.remove(''); import multiprocessing; multiprocessing.set_start_method('spawn')\n"
    )
    command = [sys.executable, "-c", spawn + "from medsam2.cli.main import run; run()", *options]
    run = subprocess.run(
        command, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=120
    )
    assert not marks(trap), run.stderr
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("where", ["working folder", "configuration", "window"])
def test_settings_for_pictures_cannot_break_them(trap, ball, tmp_path, where):
    environment = child_environment(sys.executable)
    folder = {"working folder": trap, "configuration": tmp_path / "mpl"}.get(where)
    if folder is not None:
        folder.mkdir(exist_ok=True)
        (folder / "matplotlibrc").write_bytes(b"font.size: \xff\xfe 10")
        environment["MPLCONFIGDIR"] = str(tmp_path / "mpl")
    else:
        environment["MPLBACKEND"] = "no such backend"
    command = child_command(sys.executable, "info", str(ball), "--picture", "places.png")
    run = subprocess.run(
        command, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert (trap / "places.png").exists()


def test_settings_for_pictures_in_the_working_folder_start_nothing(trap, ball, tmp_path):
    """By a file of this name matplotlib can be told to have its texts written by LaTeX."""
    (trap / "matplotlibrc").write_text("text.usetex: True\n")
    latex = tmp_path / "programs" / "latex"
    latex.parent.mkdir()
    latex.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran-latex\n")
    latex.chmod(0o755)
    path = os.pathsep.join([str(latex.parent), os.environ["PATH"]])
    environment = {**child_environment(sys.executable), "PATH": path}
    command = child_command(sys.executable, "info", str(ball), "--picture", "places.png")
    run = subprocess.run(
        command, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=120
    )
    assert not marks(trap), run.stderr
    assert (trap / "places.png").exists(), run.stderr
