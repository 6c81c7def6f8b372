"""With --json, what goes wrong is JSON too; notes are kept for it."""

import json
import subprocess
import sys
import warnings

import pytest

from kept_speed import keep_speed
from medsam2.cli.wording import collected_notes

pytestmark = pytest.mark.process


def run(*arguments, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", "from medsam2.cli.main import run; run()", *arguments],
        capture_output=True,
        env={"PYTHONPATH": ":".join(sys.path), "PYTHONIOENCODING": "utf-8", **environment},
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("segment", "absent.nrrd", "--ijk", "--point", "1,2,3", "-o", "no/out.nrrd"),
            "The folder no does not exist",
        ),
        (("segment", "absent.nrrd", "-o", "out.dicom"), "names no known format"),
        (("segment", "absent.nrrd"), "'-o'"),
        (("segment", "absent.nrrd", "--bogus"), "--bogus"),
        (("paint",), "paint"),
    ],
)
def test_errors_are_json_on_standard_output_and_a_line_on_standard_error(tmp_path, arguments, words):
    answer = run(*arguments, "--json")
    assert answer.returncode == 2
    message = json.loads(answer.stdout)["error"]
    assert words in message
    assert answer.stderr.decode() == f"medsam2: {message}\n"


def test_without_json_standard_output_stays_empty():
    answer = run("segment", "absent.nrrd", "-o", "out.dicom")
    assert (answer.returncode, answer.stdout) == (2, b"")


def test_a_command_that_succeeds_exits_with_0_and_its_own_json(tmp_path):
    environment = {"MEDSAM2_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    keep_speed(environment)
    answer = run("weights", "list", "--json", **environment)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)


def test_a_name_that_the_terminal_cannot_show_costs_nothing():
    answer = run("segment", "é.nrrd", "--json", "-o", "\u809d.dicom", PYTHONIOENCODING="ascii")
    assert answer.returncode == 2
    assert "\u809d.dicom" in json.loads(answer.stdout)["error"]


def test_notes_are_collected_and_still_shown(monkeypatch):
    shown = []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *about, **more: shown.append(str(message)))
    with collected_notes() as notes:
        warnings.warn("first", UserWarning, stacklevel=1)
    warnings.warn("later", UserWarning, stacklevel=1)
    assert notes == ["first"]
    assert shown == ["first", "later"]
