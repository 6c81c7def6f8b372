"""The backend's log: one JSON object per line on standard error, without pixels, names or paths."""

import contextlib
import json
import logging
import sys
import threading
import time
from dataclasses import dataclass
from types import TracebackType

MOST_LINES, SPAN_SECONDS = 100, 10.0
"""Of one kind in so many seconds: nobody fills a disk from outside."""


@dataclass
class _Span:
    began: float
    lines: int = 0


_spans: dict[tuple, _Span] = {}
_lock = threading.Lock()


def _left_out(kind: tuple) -> int | None:
    """Counts a line; None if it must not be written, else how many of its kind were not just before."""
    now = time.monotonic()
    with _lock:
        span = _spans.setdefault(kind, _Span(now))
        before = 0
        if now - span.began > SPAN_SECONDS:
            before = max(0, span.lines - MOST_LINES)
            span = _spans[kind] = _Span(now)
        span.lines += 1
        return None if span.lines > MOST_LINES else before


def log_event(event: str, **fields: str | int | float | None) -> None:
    """Write one line: the time (UTC), the event, and its numbers or fixed words."""
    before = _left_out((event, fields.get("code"), fields.get("kind"), fields.get("name")))
    if before is None:
        return
    if before:
        _write("left_out", of=event, lines=before)
    _write(event, **fields)


def _write(event: str, **fields: str | int | float | None) -> None:
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
            place=raised_at(trace) or f"{record.module}:{record.lineno}",
        )


def raised_at(trace: TracebackType | None) -> str:
    """Module, line and function where an error was raised."""
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    frame = trace.tb_frame
    return f"{frame.f_globals.get('__name__')}:{trace.tb_lineno} {frame.f_code.co_name}"
