"""The backend's log: one JSON object per line on standard error, without pixels, names or paths."""

import json
import sys
import time
from contextlib import suppress


def log_event(event: str, **fields: str | int | float | None) -> None:
    """Write one line: the time (UTC), the event, and its numbers or fixed words."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = json.dumps({"time": now, "event": event, **fields})
    with suppress(OSError):  # a full disk must not end the work
        print(line, file=sys.stderr, flush=True)
