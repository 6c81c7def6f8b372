"""What becomes of memory that a computation has freed."""

import ctypes
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's ``mallopt``."""
KEPT_BYTES = 256 * 2**20
"""At the end of the heap; more goes back to the system."""
LARGEST_KEPT = 32 * 2**20
"""Of one piece; glibc takes no more."""


def keep_freed_memory() -> None:
    """On Linux freed memory is kept for what comes next: saves a tenth of a slice, a twentieth in bf16.

    Else the logits of attention go back to the system each time, and fresh memory is filled with zeros first.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # not every library of C has it
        if mallopt is not None:
            mallopt(MMAP_THRESHOLD, LARGEST_KEPT)
            mallopt(TRIM_THRESHOLD, KEPT_BYTES)
