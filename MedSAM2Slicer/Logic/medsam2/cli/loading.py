"""Loading large libraries quickly."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nothing_is_garbage() -> Iterator[None]:
    """Within, Python does not look for garbage, and never later among what is loaded.

    A library leaves hardly any, and to look for it again and again takes a fifth of the time in which torch
    and the rest are loaded.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
