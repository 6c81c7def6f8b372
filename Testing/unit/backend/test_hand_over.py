"""A thread takes over, or nothing runs: never both, and never a wait without end."""

import _thread
import threading

import pytest

from medsam2.backend import worker
from medsam2.backend.worker import hand_over


def test_another_thread_takes_over():
    ran = threading.Event()
    threads = []
    assert hand_over(lambda: (threads.append(threading.get_ident()), ran.set()))
    assert ran.wait(10)
    assert threads != [threading.get_ident()]


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError()])
def test_without_a_thread_nothing_runs(monkeypatch, error):
    def refuse(*_):
        raise error

    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    assert not hand_over(lambda: pytest.fail("there is no thread to run in"))


def test_a_thread_that_never_lives_is_given_up_and_does_nothing_when_it_lives_after_all(monkeypatch):
    waiting = []
    monkeypatch.setattr(_thread, "start_new_thread", lambda live, _: waiting.append(live))
    monkeypatch.setattr(worker, "BIRTH_SECONDS", 0.01)
    ran = []
    assert not hand_over(lambda: ran.append(True))
    waiting[0]()
    assert not ran
