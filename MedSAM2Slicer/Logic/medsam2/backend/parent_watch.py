"""A backend of one program's own: given its token by that program, and gone with it. Imports no torch."""

import os
import signal
import sys
import threading
import time

from medsam2.errors import InputError

ORPHAN_SECONDS = 1.5
"""For a graceful end; after that it ends anyhow."""


def token_from_parent() -> str:
    """The token: the first line of standard input.

    Raises:
        InputError: there is none.
    """
    token = sys.stdin.buffer.readline().decode("ascii", "replace").strip()
    if not token:
        raise InputError("--local expects a token on standard input: start it from Slicer or the client.")
    return token


def end_with_parent() -> None:
    """From now on, end when standard input does: whoever started this process is gone then."""
    threading.Thread(target=_wait_for_end, daemon=True).start()


def _wait_for_end() -> None:
    # Not by sys.stdin: Python cannot end while a thread holds its lock.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    signal.raise_signal(signal.SIGTERM)
    time.sleep(ORPHAN_SECONDS)
    os._exit(0)
