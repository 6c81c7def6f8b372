"""A new thread that takes over from the one that runs, where there is memory for it."""

import _thread
import threading
from collections.abc import Callable

PATIENCE = 2.0
"""Seconds after which a thread that has not come to life is given up."""


def hand_over(run: Callable[[], None]) -> bool:
    """Run something in a new thread; False where there is none to be had, and nothing will run.

    ``threading.Thread.start`` will not do: for a thread that dies of want of memory before its first line it
    waits for ever.
    """
    born, claim = threading.Event(), threading.Lock()

    def live() -> None:
        if claim.acquire(blocking=False):
            born.set()
            run()

    try:
        _thread.start_new_thread(live, ())
    except (RuntimeError, MemoryError):
        return False
    # One that comes to life later finds that it has been given up.
    return born.wait(PATIENCE) or not claim.acquire(blocking=False)
