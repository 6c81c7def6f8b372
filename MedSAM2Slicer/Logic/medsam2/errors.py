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


def error_line(message: str, command: str = "medsam2") -> str:
    """What a command that failed writes; ``last_error`` reads that of ``medsam2``."""
    return f"{command}: {message}"


def note_line(message: str, command: str = "medsam2") -> str:
    """What a command writes that goes on; no error for ``last_error``."""
    return error_line(f"note: {message}", command)


def last_error(log: str) -> str:
    """The message of the last ``error_line`` in what a command wrote; empty without one."""
    error, a_note = error_line(""), note_line("")
    lines = [line for line in log.splitlines() if line.startswith(error) and not line.startswith(a_note)]
    return lines[-1].removeprefix(error) if lines else ""
