"""Memory that Python and numpy hand out, watched."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

MIB = 2**20


@contextmanager
def memory_within(limit: int) -> Iterator[None]:
    """Fails when more than ``limit`` bytes are held at any time within, or 1 MiB is not given back."""
    tracemalloc.start()
    try:
        yield
        left, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < limit
    assert left < MIB
