"""Ctrl+C and SIGTERM: a command that is stopped tidies up, and says in a line what is left of its work."""

import _thread
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_signal: int | None = None
"""What stopped this process."""
_is_held_back = False
_left = ""
NOTHING = "nothing was written"
"""What most commands leave, until ``held_back`` ends."""
AGAIN_SECONDS = 0.05
"""After a signal was lost."""


def heed_signals() -> None:
    """From now on Ctrl+C and SIGTERM leave the command as an exception does, once."""
    # Typer's own answer to Ctrl+C differs between its versions.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    sys.unraisablehook = _come_again


def leaves(sentence: str) -> None:
    """Say what is to be told when the command is stopped from now on, such as ``NOTHING``."""
    global _left
    _left = sentence


@contextmanager
def held_back() -> Iterator[None]:
    """For writing results that take no longer than a moment: who stops the command then gets all of them."""
    global _is_held_back, _signal
    _is_held_back = True
    try:
        yield
    except BaseException:
        _signal = None  # it ends anyhow, and says why
        raise
    finally:
        _is_held_back = False
    if _left == NOTHING:  # what else was said still holds
        leaves("all was written")
    if _signal is not None:
        _leave()


def stop_code() -> int | None:
    """The exit code of a command that was stopped, as shells have it; None for one that was not."""
    return None if _signal is None else 128 + _signal


def stop_line() -> str:
    """What it says."""
    return f"Stopped: {_left}." if _left else "Stopped."


def _stop(number: int, frame: FrameType | None) -> None:
    global _signal
    if _signal is not None:
        return  # it is tidying up
    _signal = number
    if not _is_held_back:
        _leave()


def _leave() -> None:
    sys.exit(stop_code())


def _come_again(unraisable: "sys.UnraisableHookArgs") -> None:
    """A signal that came while an object was being destroyed: Python drops what is raised there."""
    global _signal
    if _signal is None or not isinstance(unraisable.exc_value, SystemExit):
        sys.__unraisablehook__(unraisable)
        return
    number, _signal = _signal, None
    # Not at once: what the handler raised now would be dropped as well.
    threading.Timer(AGAIN_SECONDS, _send_again, (number,)).start()


def _send_again(number: int) -> None:
    if sys.platform == "win32":
        _thread.interrupt_main(number)
    else:
        os.kill(os.getpid(), number)  # wakes the main thread, too
