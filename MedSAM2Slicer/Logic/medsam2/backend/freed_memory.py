"""Gives freed memory back to the computer, which the C library would keep for what comes next."""

import ctypes
import sys
from contextlib import suppress


def give_back() -> None:
    """Trim the heap, where the C library can; takes milliseconds."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # not glibc
            ctypes.CDLL(None).malloc_trim(0)
