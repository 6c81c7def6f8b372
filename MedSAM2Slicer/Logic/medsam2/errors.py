"""The one exception that people see, notes, and the lines by which a command hands both on."""

import warnings


class InputError(ValueError):
    """Input that cannot be used.

    The message is one sentence for a radiologist: what is wrong, and what to do next. The command
    line prints it and exits with code 2; nothing has been written by then.
    """


class VolumeWarning(UserWarning):
    """The volume is usable, but something about it deserves a look."""


def note(sentence: str) -> None:
    """Warn the caller's caller with a ``VolumeWarning``; the command prints it as a note."""
    warnings.warn(sentence, VolumeWarning, stacklevel=3)


_ERROR, _NOTE = "medsam2: ", "medsam2: note: "


def error_line(message: str) -> str:
    """What a command that failed writes; ``last_error`` reads it."""
    return _ERROR + message


def note_line(message: str) -> str:
    """What a command writes that goes on; no error for ``last_error``."""
    return _NOTE + message


def last_error(log: str) -> str:
    """The message of the last ``error_line`` in what a command wrote; empty without one."""
    lines = [line for line in log.splitlines() if line.startswith(_ERROR) and not line.startswith(_NOTE)]
    return lines[-1].removeprefix(_ERROR) if lines else ""
