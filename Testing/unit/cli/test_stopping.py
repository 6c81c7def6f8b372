"""A stop comes once, says what is left, and waits for results that are being written."""

import signal

import pytest

from medsam2.cli import stopping
from medsam2.cli.stopping import heed_signals, held_back, leaves, stop_code, stop_line


@pytest.fixture(autouse=True)
def heeded(monkeypatch):
    for name, value in (("_signal", None), ("_is_held_back", False), ("_left", "")):
        monkeypatch.setattr(stopping, name, value)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    heed_signals()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_with_its_code_and_what_was_written(number, code):
    assert stop_code() is None
    assert stop_line() == "Stopped."
    leaves("nothing was written")
    with pytest.raises(SystemExit):
        signal.raise_signal(number)
    assert (stop_code(), stop_line()) == (code, "Stopped: nothing was written.")


def test_a_second_signal_does_not_disturb_tidying_up():
    with pytest.raises(SystemExit):
        signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGTERM)
    assert stop_code() == 130


def test_a_signal_waits_for_results_that_are_being_written():
    steps = []

    def write() -> None:
        with held_back():
            signal.raise_signal(signal.SIGTERM)
            steps.append("written")

    with pytest.raises(SystemExit):
        write()
    assert steps == ["written"]
    assert (stop_code(), stop_line()) == (143, "Stopped: all was written.")


def test_results_that_cannot_be_written_say_so_whatever_signal_came():
    def write() -> None:
        with held_back():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("disk")

    with pytest.raises(ValueError, match="disk"):
        write()
    assert stop_code() is None
