"""Standard output, which may be closed, full, of another encoding, or read by nobody any more."""

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast


class OutputError(Exception):
    """Standard output could not be written; says so in one sentence.

    No ``OSError``, so that nobody takes it for that of a file.
    """

    def __init__(self, error: OSError):
        super().__init__(
            f"The answer cannot be printed ({error.strerror}): send standard output somewhere else."
        )
        self.reader_went_away = isinstance(error, BrokenPipeError)


class _Output:
    """A stream whose errors are told apart from those of files."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        with _told_apart():
            return self._stream.write(text)

    def flush(self) -> None:
        with _told_apart():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _told_apart() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(error) from error


def settle_streams() -> None:
    """Make both streams such that they cost no result: closed ones take all, and no letter is too foreign.

    From now on a standard output that cannot be written raises ``OutputError``.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for as long as we run
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.stdout = cast("TextIO", _Output(sys.stdout))


def give_up_output() -> None:
    """Let Python's own flush at the end go nowhere, rather than fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def echo_json(**facts: Any) -> None:
    """One line, so that programs can read answers line by line as they come."""
    print(json.dumps(facts), flush=True)
