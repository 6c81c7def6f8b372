"""Notes about the input, which people see on standard error and machines in the JSON summary."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def collected_notes() -> Iterator[list[str]]:
    """The text of every warning that is shown during the block; it is shown as ever."""
    notes: list[str] = []
    show = warnings.showwarning

    def keep(message: Warning | str, *about: Any, **more: Any) -> None:
        notes.append(str(message))
        show(message, *about, **more)

    warnings.showwarning = keep
    try:
        yield notes
    finally:
        warnings.showwarning = show
