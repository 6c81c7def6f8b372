"""A command of ``medsam2`` beside Slicer leaves nothing behind, however it ends."""

import tempfile

import pytest
from MedSAM2SlicerLib.backend.BackgroundCommand import BackgroundCommand, endCommands

SECONDS = 60


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where temporary files lie."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_command_that_has_ended_leaves_no_log(aClock, temporary):
    told = []
    command = BackgroundCommand(("weights", "nonsense"), told.append, told.append)
    assert list(temporary.iterdir())
    aClock.advanceUntil(lambda: not command.running, SECONDS)
    assert len(told) == 1
    assert command.log
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("isCancelled", [True, False])
def test_a_command_leaves_nothing_when_slicer_quits_and_timers_tick_no_more(aClock, temporary, isCancelled):
    told = []
    command = BackgroundCommand(("weights", "list", "--json"), told.append, told.append)
    if isCancelled:
        command.cancel()
    endCommands()
    assert not command._child._thread.is_alive(), "the process has ended"
    assert not command.running
    assert list(temporary.iterdir()) == []
    assert aClock.waiting == 0
    assert told == []
