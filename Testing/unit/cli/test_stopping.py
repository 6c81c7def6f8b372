"""A stop comes once, says what is left, and waits for results that are being written."""

import os
import signal
import subprocess
import sys

import pytest

from medsam2.cli import stopping
from medsam2.cli.stopping import NOTHING, heed_signals, held_back, leaves, stop_code, stop_line
from medsam2.cli.written_together import written_together

IN_A_DESTRUCTOR = """
import signal, sys, time
from medsam2.cli.stopping import heed_signals
heed_signals()
class Dropped:
    def __del__(self):
        signal.raise_signal(int(sys.argv[1]))
Dropped()
time.sleep(20)
print("went on")
"""


@pytest.fixture(autouse=True)
def heeded(monkeypatch):
    for name, value in (("_signal", None), ("_is_held_back", False), ("_left", "")):
        monkeypatch.setattr(stopping, name, value)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    heed_signals()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_with_its_code_and_what_was_written(number, code):
    assert stop_code() is None
    assert stop_line() == "Stopped."
    leaves(NOTHING)
    with pytest.raises(SystemExit):
        signal.raise_signal(number)
    assert (stop_code(), stop_line()) == (code, "Stopped: nothing was written.")


def test_a_second_signal_does_not_disturb_tidying_up():
    with pytest.raises(SystemExit):
        signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGTERM)
    assert stop_code() == 130


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_not_lost_in_a_destructor(number):
    command = [sys.executable, "-c", IN_A_DESTRUCTOR, str(int(number))]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout, run.stderr) == (128 + number, "", "")


def test_what_else_goes_wrong_in_a_destructor_is_told(capsys):
    class Dropped:
        def __del__(self):
            raise ValueError("not ours")

    Dropped()
    assert "ValueError: not ours" in capsys.readouterr().err


def test_a_signal_waits_for_results_that_are_being_written():
    steps = []
    leaves(NOTHING)

    def write() -> None:
        with held_back():
            signal.raise_signal(signal.SIGTERM)
            steps.append("written")

    with pytest.raises(SystemExit):
        write()
    assert steps == ["written"]
    assert (stop_code(), stop_line()) == (143, "Stopped: all was written.")


def test_what_a_command_said_that_goes_on_still_holds_after_results():
    leaves("finished cases are kept")
    with held_back():
        pass
    assert stop_line() == "Stopped: finished cases are kept."


def test_a_signal_waits_until_all_files_have_their_names(tmp_path, monkeypatch):
    files = [tmp_path / "labelmap", tmp_path / "table"]
    for file in files:
        file.write_text("older")

    def replace(source, target, original=os.replace) -> None:
        original(source, target)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(os, "replace", replace)
    leaves(NOTHING)

    def write() -> None:
        with written_together(files) as hidden:
            for file in files:
                hidden(file).write_text("newer")

    with pytest.raises(SystemExit):
        write()
    assert [path.read_text() for path in tmp_path.iterdir()] == ["newer", "newer"]
    assert stop_line() == "Stopped: all was written."


def test_results_that_cannot_be_written_say_so_whatever_signal_came():
    def write() -> None:
        with held_back():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("disk")

    with pytest.raises(ValueError, match="disk"):
        write()
    assert stop_code() is None
