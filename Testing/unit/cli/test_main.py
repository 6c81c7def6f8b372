"""The command as a whole."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from kept_speed import keep_speed
from medsam2.cli.app import app

WITHOUT_TORCH = """
import sys
from medsam2.cli.app import app
app(sys.argv[1:], standalone_mode=False)
sys.exit(int("torch" in sys.modules or "SimpleITK" in sys.modules))
"""


@pytest.mark.parametrize("command", [(), ("segment",), ("demo",), ("weights", "list")])
def test_help_does_not_wait_for_torch(command, tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *command, "--help"],
        capture_output=True,
        env={"PYTHONPATH": ":".join(sys.path), "PYTHONIOENCODING": "utf-8"},
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr.decode()
    assert b"Usage" in run.stdout


def test_weights_commands_are_there(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSAM2_HOME", str(tmp_path))
    keep_speed({})
    listing = CliRunner().invoke(app, ["weights", "--help"]).output
    for command in ("list", "inspect", "download", "import", "remove"):
        assert command in listing
    assert "starter" in CliRunner().invoke(app, ["weights", "list", "--json"]).output
    assert CliRunner().invoke(app, ["weights", "paint"]).exit_code == 2
