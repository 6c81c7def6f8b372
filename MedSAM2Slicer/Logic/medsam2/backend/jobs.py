"""What clients ask the worker to compute, and what it knows of each client."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from medsam2.protocol import Message

from .interruption import Interruption
from .workspace import Steps, Workspace


@dataclass(eq=False)
class Job:
    """One request being worked on.

    Attributes:
        id: of the request.
        kind: name for metrics.
        start: makes the iterator of answers.
        urgent: goes before all tracking: someone waits for this very slice.
        answered: whether the client is told how it ended.
        size: bytes of the request.
    """

    id: int
    kind: str
    start: Callable[[], Steps]
    urgent: bool
    answered: bool = True
    size: int = 0
    interruption: Interruption = field(default_factory=Interruption)
    steps: Steps | None = None

    @property
    def cancelled(self) -> bool:
        """Whether it is to end early."""
        return self.interruption.requested


@dataclass(eq=False)
class Client:
    """What the worker knows of one client.

    Attributes:
        workspace: its volume and trackers; touched by the worker's thread only.
        send: hands a message to the client's connection, from any thread.
        has_room: whether the connection can take more; a slow reader's jobs wait meanwhile.
        spent: seconds of computing, by which turns of tracking are shared out.
        gone: forgotten once its last job is done.
    """

    workspace: Workspace
    send: Callable[[Message], None]
    has_room: Callable[[], bool]
    urgent: deque[Job] = field(default_factory=deque)
    tracking: deque[Job] = field(default_factory=deque)
    spent: float = 0.0
    gone: bool = False

    @property
    def jobs(self) -> list[Job]:
        """All jobs, those that are computed first in front."""
        return [*self.urgent, *self.tracking]

    @property
    def waiting(self) -> int:
        """Number of jobs."""
        return len(self.urgent) + len(self.tracking)
