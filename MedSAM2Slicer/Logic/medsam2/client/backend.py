"""What a client needs to know of the backend that it talks to, wherever that runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Starting:
    """It is not ready to be connected to yet."""


@dataclass(frozen=True)
class Listening:
    """It can be connected to.

    Attributes:
        url: ``ws://`` or ``wss://``.
        ca_file: PEM file of the authorities that signed its certificate; the system's when None.
    """

    url: str
    ca_file: str | Path | None = None


@dataclass(frozen=True)
class Ended:
    """It is gone.

    Attributes:
        reason: why, in one sentence.
        hint: where to look, where the reason does not say what to do.
        lasting: whether starting it again would end in the same way.
    """

    reason: str
    hint: str
    lasting: bool


BackendState = Starting | Listening | Ended


class Backend(Protocol):
    """Starts or reaches a backend; nothing but ``stop`` blocks.

    Attributes:
        token: opens it.
        remote: whether it is reached over a network.
        waits: seconds before each try to restore a lost connection; after the last one the client gives up.
    """

    token: str
    remote: bool
    waits: tuple[float, ...]

    @property
    def help(self) -> str:
        """A sentence on where to look when a connection is lost; may be empty."""

    @property
    def state(self) -> BackendState:
        """What it is doing now."""

    def start(self) -> None:
        """Start it; one that is left of an earlier start is ended."""

    def dismiss(self) -> None:
        """Ask it to end, and wait for nothing; ``stop`` must follow."""

    def log_tail(self) -> str:
        """The end of what it wrote, for people; empty where that is not known here."""

    def stop(self, patience: float = 0.5, keep_log: bool = False) -> None:
        """End it: ``patience`` seconds are for doing so by itself."""
