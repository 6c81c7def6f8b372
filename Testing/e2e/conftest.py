"""The real command on real files."""

import io
import os
import signal
import subprocess
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import SimpleITK

from kept_speed import keep_speed
from medsam2.cli import main

ROOT = Path(__file__).resolve().parents[2]
LOGIC = ROOT / "MedSAM2Slicer" / "Logic"

ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join((str(LOGIC), str(ROOT / "lab"))),
    "PYTHONIOENCODING": "utf-8",
    "COLUMNS": "200",
    # Threads that wait for each other stall on a busy machine.
    "OMP_NUM_THREADS": "1",
}


@pytest.fixture
def medsam2(tmp_path):
    """Run ``medsam2`` in a child process: returns exit code, standard output and standard error."""

    def run(
        *arguments, prefix: tuple[str, ...] = (), module: str = "medsam2.cli.main"
    ) -> subprocess.CompletedProcess:
        environment = {**ENVIRONMENT, "MEDSAM2_HOME": str(tmp_path / "home")}
        if arguments[0] == "weights" and not prefix:
            keep_speed(environment)
        command = [*prefix, sys.executable, "-m", module, *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", env=environment, cwd=tmp_path
        )

    return run


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Run ``medsam2`` in this process; returns the same as the fixture ``medsam2``.

    For what is about the command's answers: to start a process takes far longer than to be refused.
    """

    def run(*arguments) -> subprocess.CompletedProcess:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["medsam2", *map(str, arguments)])
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        out, err = io.StringIO(), io.StringIO()
        environment = {**ENVIRONMENT, "MEDSAM2_HOME": str(tmp_path / "home")}
        try:
            with (
                mock.patch.dict(os.environ, environment),
                warnings.catch_warnings(),
                redirect_stdout(out),
                redirect_stderr(err),
                pytest.raises(SystemExit) as end,
            ):
                main.run()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return subprocess.CompletedProcess(arguments, end.value.code or 0, out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A server for all tests that are not about the server."""
    from e2e.server_process import ServerProcess  # which imports this file

    server = ServerProcess(tmp_path_factory.mktemp("server"))
    yield server
    server.kill()


@pytest.fixture
def segment(here, server, monkeypatch):
    """Run ``medsam2 segment`` likewise, and let the server compute.

    For what is about prompts, options and files: two processes take longer to start than such images to be
    segmented.
    """
    monkeypatch.setenv("MEDSAM2_TOKEN", server.tokens["anna"])
    return partial(here, "segment", "--server", f"ws://127.0.0.1:{server.port}/session")


@pytest.fixture
def medsam2_lab(medsam2):
    """Run ``medsam2-lab`` in the same way."""
    return partial(medsam2, module="medsam2_lab.cli")


def said(stderr: str) -> list[str]:
    """What the command says for itself, without the lines that tell how far it is."""
    return [line for line in stderr.splitlines() if not line.endswith(" …")]


def write_image(path: Path, voxels: np.ndarray, spacing=(1.0, 1.0, 3.0), **geometry) -> Path:
    """Write voxels (k, j, i) as an image file."""
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing(spacing[: voxels.ndim])
    if "direction" in geometry:
        image.SetDirection(geometry["direction"])
        image.SetOrigin(geometry["origin"])
    SimpleITK.WriteImage(image, str(path))
    return path


@pytest.fixture
def ball(tmp_path) -> Path:
    """A bright ball in a dim CT-like volume of 8 x 48 x 48 voxels, on a flipped and oblique grid."""
    k, j, i = np.mgrid[:8, :48, :48]
    inside = ((k - 4) * 3) ** 2 + (j - 24) ** 2 + (i - 20) ** 2 < 9**2
    voxels = np.where(inside, 150, -20).astype(np.int16)
    cos, sin = np.cos(0.3), np.sin(0.3)
    direction = (-cos, sin, 0.0, sin, cos, 0.0, 0.0, 0.0, -1.0)
    return write_image(tmp_path / "ball.nrrd", voxels, direction=direction, origin=(30.0, -12.0, 5.0))
