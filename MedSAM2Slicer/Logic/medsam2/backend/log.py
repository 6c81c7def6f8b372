"""The backend's log: one JSON object per line on standard error, without pixels, names or paths."""

import contextlib
import json
import logging
import sys
import time
from types import TracebackType


def log_event(event: str, **fields: str | int | float | None) -> None:
    """Write one line: the time (UTC), the event, and its numbers or fixed words."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = json.dumps({"time": now, "event": event, **fields})
    # Nobody reads the log any more: no reason to end what is being computed.
    with contextlib.suppress(OSError):
        # In one piece, unlike print, since several threads write.
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def log_libraries() -> None:
    """Have the warnings and errors of libraries in the log too: who complained and where, not their words."""
    logging.basicConfig(handlers=[_Lines()], level=logging.WARNING, force=True)
    logging.captureWarnings(True)


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        kind, _, trace = record.exc_info or (None, None, None)
        log_event(
            "library",
            name=record.name,
            level=record.levelname.lower(),
            error=kind.__name__ if kind else "",
            place=place(trace) or f"{record.module}:{record.lineno}",
        )


def place(trace: TracebackType | None) -> str:
    """Module, line and function where an error was raised."""
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    frame = trace.tb_frame
    return f"{frame.f_globals.get('__name__')}:{trace.tb_lineno} {frame.f_code.co_name}"
