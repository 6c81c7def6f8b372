"""What keeps nobody waiting at the start: libraries that are not loaded, and work at the same time."""

import gc
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK
from typer.testing import CliRunner

from medsam2.backend import server, service
from medsam2.cli import backend_options, segmenting
from medsam2.cli.app import app
from medsam2.errors import InputError


@pytest.mark.process
@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("from medsam2.cli.main import run; run()", {"torch", "SimpleITK", "scipy", "pydicom", "matplotlib"}),
        ("import medsam2.client", {"torch", "SimpleITK", "scipy", "psutil", "typer", "requests", "asyncio"}),
    ],
    ids=["help", "client"],
)
def test_what_takes_long_to_load_is_not_loaded_for(code, heavy):
    tell = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
    ran = subprocess.run(
        [sys.executable, "-c", tell + code, "--help"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert ran.returncode == 0, ran.stderr
    assert not heavy & set(ran.stderr.split())


def test_the_backend_starts_before_the_voxels_are_read(tmp_path, monkeypatch):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.zeros((2, 8, 8), np.int16)), str(tmp_path / "a.nrrd"))
    done = []

    class Client:
        def __init__(self, *_):
            pass

        def __enter__(self):
            done.append("started")

        def __exit__(self, *_):
            done.append("ended")

    def read_scene(*_):
        done.append("read")
        raise InputError("These voxels are of no use.")

    monkeypatch.setattr(backend_options, "BlockingClient", Client)
    monkeypatch.setattr(segmenting, "read_scene", read_scene)
    command = [
        "segment",
        str(tmp_path / "a.nrrd"),
        "--ijk",
        "--point",
        "4,4,1",
        "-o",
        str(tmp_path / "o.nrrd"),
    ]
    with pytest.raises(InputError):
        CliRunner().invoke(app, command, catch_exceptions=False)
    assert done == ["started", "read", "ended"]


def test_a_backend_loads_without_looking_for_garbage_and_serves_with_it(tmp_path, monkeypatch):
    (tmp_path / "tokens").touch(0o600)
    (tmp_path / "tokens").write_text("anna 0123456789abcdef\n")
    looked = []
    monkeypatch.setattr(service, "load_service", lambda *_: looked.append(gc.isenabled()))

    def serve(*_, **__):
        looked.append(gc.isenabled())
        raise InputError("The port is taken.")

    monkeypatch.setattr(server, "serve_until_stopped", serve)
    try:
        with pytest.raises(InputError):
            CliRunner().invoke(app, ["serve", "--tokens", str(tmp_path / "tokens")], catch_exceptions=False)
    finally:
        gc.unfreeze()
    assert looked == [False, True]
