"""How far a command is: readable on a terminal and in a log."""

import io
import sys

import pytest

from medsam2.cli import progress


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

    monkeypatch.setattr(progress, "time", Clock())
    return progress.time


def test_a_log_has_a_line_for_each_stage_and_one_every_few_seconds(capsys, clock):
    with progress.stages() as stages:
        stages.begin("Loading the network")
        stages.begin("Sending the image", 12.3, "MB")
        stages.reach(12.3)
        stages.begin("Tracking", 40, "slices")
        for _ in range(40):
            clock.now += 0.5
            stages.advance()
    assert capsys.readouterr().err.splitlines() == [
        "Loading the network …",
        "Sending the image …",
        "Tracking …",
        "Tracking: 10 of 40 slices, 5 s, 15 s left",
        "Tracking: 20 of 40 slices, 10 s, 10 s left",
        "Tracking: 30 of 40 slices, 15 s, 5 s left",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_one_bar_that_is_gone_at_the_end(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    with progress.stages() as stages:
        stages.begin("Loading the network")
        stages.begin("Tracking", 40, "slices")
        stages.reach(7)
    text = terminal.getvalue()
    assert "7/40 slices" in text
    assert "?" not in text.replace("\x1b[?25", "")
    assert text.endswith("\x1b[2K")


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "dumb")
    with progress.stages() as stages:
        stages.begin("Tracking", 40, "slices")
    assert terminal.getvalue() == "Tracking …\n"
