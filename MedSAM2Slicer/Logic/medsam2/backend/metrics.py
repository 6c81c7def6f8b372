"""Counters of one server, as Prometheus text, and the same events in the log."""

from collections.abc import Callable
from typing import Literal

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from medsam2.protocol import ErrorCode, Mask, Message
from medsam2.protocol.messages import Outcome

from .log import log_event, raised_at


class Metrics:
    """What happened since the start. Nothing here says whose volume or what it shows."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._jobs = Counter(
            "medsam2_jobs", "Requests that ended.", ["kind", "outcome"], registry=self._registry
        )
        self._errors = Counter("medsam2_errors", "Errors sent.", ["code"], registry=self._registry)
        self._seconds = Histogram(
            "medsam2_slice_seconds",
            "Seconds to compute one mask.",
            ["kind"],
            buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
            registry=self._registry,
        )
        self._sessions = Gauge("medsam2_sessions", "Clients connected.", registry=self._registry)
        self._queue = Gauge("medsam2_queue", "Jobs queued or being computed.", registry=self._registry)
        self._memory = Gauge("medsam2_memory_bytes", "Memory of the process.", registry=self._registry)
        self._memory.set_function(lambda: psutil.Process().memory_info().rss)

    def watch(self, sessions: Callable[[], int], queue: Callable[[], int]) -> None:
        """Functions that count clients and jobs."""
        self._sessions.set_function(sessions)
        self._queue.set_function(queue)

    def computed(self, kind: str, answer: Message | None, seconds: float) -> None:
        """One answer of a job was computed."""
        if isinstance(answer, Mask):
            self._seconds.labels(kind).observe(seconds)

    def ended(self, kind: str, outcome: Outcome | Literal["failed"]) -> None:
        """A request ended."""
        self._jobs.labels(kind, outcome).inc()
        log_event("job", kind=kind, outcome=outcome)

    def failed(self, code: ErrorCode, error: BaseException | None = None) -> None:
        """An error was sent; of an unexpected one the place in the code is logged, never its text."""
        self._errors.labels(code).inc()
        if code == "internal" and error is not None:
            log_event("failure", code=code, error=type(error).__name__, place=raised_at(error.__traceback__))
        else:
            log_event("failure", code=code)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)
