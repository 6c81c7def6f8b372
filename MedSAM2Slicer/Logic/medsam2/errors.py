"""The one exception that people see, and the lines of standard error by which a command hands it on."""


class InputError(ValueError):
    """Input that cannot be used.

    The message is one sentence for a radiologist: what is wrong, and what to do next. The command
    line prints it and exits with code 2; nothing has been written by then.
    """


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
