"""The one backend of the application, shared by all effects and the panel, and the timer that serves it.

It is started when it is first needed. All calls are made from the application's main thread.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

import qt

from .BackendSettings import BackendSettings
from .Machine import pythonProgram

if TYPE_CHECKING:
    from medsam2.client import LocalBackend, PolledClient, RemoteBackend
    from medsam2.protocol import Message, Ready

    Handler = Callable[[Message], None]

BUSY_MILLISECONDS, IDLE_MILLISECONDS = 10, 500
QUIET_LOOKS = 3
"""After so many looks at an idle backend the timer slows down."""
ENDING_MILLISECONDS, ENDING_LOOKS = 20, 25
"""A backend has half a second to end by itself."""

_shared: "BackendManager | None" = None
_underWay: list["_Ending"] = []


def backendManager() -> "BackendManager":
    """The shared manager; made, but nothing started, when first asked for."""
    global _shared  # one per application, as every editor widget clones the effect
    if _shared is None:
        _shared = BackendManager()
    return _shared


class BackendState(Enum):
    """What the backend is doing: no client at all, or the states of ``medsam2.client.ClientState``.

    That cannot be imported before the client's libraries are installed.
    """

    STOPPED = "stopped"
    STARTING = "starting"
    CONNECTING = "connecting"
    READY = "ready"
    RESTORING = "restoring"
    CLOSED = "closed"
    FAILED = "failed"


class Holder(Protocol):
    """One whose volume the backend has."""

    isRunning: Callable[[], bool]

    def volumeIsExchanged(self) -> None:
        """Another one gives the backend its own."""


class BackendManager:
    """Starts, pumps and stops the backend.

    Attributes:
        settings: which backend; ``restart`` after changing them.
    """

    def __init__(self) -> None:
        self.settings = BackendSettings.load()
        self._token = ""
        self._running: _Running | None = None
        self._holder: Holder | None = None
        self._handlers: list[Handler] = []
        self._observers: list[Callable[[], None]] = []
        self._lastState = BackendState.STOPPED
        self._quiet = 0
        self._timer = qt.QTimer()
        self._timer.setInterval(BUSY_MILLISECONDS)
        self._timer.connect("timeout()", self._onTimer)

    # Life

    def client(self) -> "PolledClient":
        """The ``PolledClient``, started if need be; its requests are answered to the attached handlers.

        Raises:
            ClientError: the settings cannot be used, in one sentence.
        """
        if self.failure:
            self.stop()  # the user tries again
        if self._running is None:
            self._running = _Running.of(self.settings, self._token)
            self._running.client.start()
            self._onStateChanged()
        self.hurry()
        return self._running.client

    def restart(self) -> None:
        """End the backend; it starts again, with the settings as they are now, when it is next needed."""
        self.stop()
        self.settings.save()

    def stop(self) -> None:
        """End the backend; its process goes by and by."""
        self._timer.stop()
        if self._running is not None:
            endLater(self._running.client)
            self._running = None
            self._onStateChanged()

    def quit(self) -> None:
        """End the backend for good, as Slicer does."""
        self.stop()
        endBackends()

    def setToken(self, token: str) -> None:
        """The server's token, for as long as the application runs."""
        self._token = token.strip()

    # Whose volume it has

    def isNeededBy(self, other: Holder) -> bool:
        """Whether another one than this has its volume there and needs it still."""
        holder = self._holder
        return holder is not None and holder is not other and holder.isRunning()

    def hold(self, holder: Holder) -> None:
        """It gets the volume of this one."""
        if self._holder is not None and self._holder is not holder:
            self._holder.volumeIsExchanged()
        self._holder = holder

    def letGo(self, holder: Holder) -> None:
        """This one needs it no longer."""
        if self._holder is holder:
            self._holder = None

    # What others hear

    def attach(self, handler: "Handler") -> None:
        """Call ``handler(message)`` for every message."""
        self._handlers.append(handler)

    def detach(self, handler: "Handler") -> None:
        """Call it no longer."""
        if handler in self._handlers:
            self._handlers.remove(handler)

    def addObserver(self, observer: Callable[[], None]) -> None:
        """Call ``observer()`` when the state has changed."""
        self._observers.append(observer)

    def removeObserver(self, observer: Callable[[], None]) -> None:
        """Call it no longer."""
        if observer in self._observers:
            self._observers.remove(observer)

    @property
    def ready(self) -> "Ready | None":
        """What the backend said of itself (``protocol.Ready``); None while it is not running."""
        return None if self._running is None else self._running.client.ready

    def newClient(self) -> "PolledClient":
        """A client with a backend of its own, not started yet: for tests that must not touch the user's."""
        return _Running.of(self.settings, self._token).client

    def logTail(self) -> str:
        """The end of the log of a backend on this computer; empty if there is none."""
        return "" if self._running is None else self._running.backend.log_tail()

    @property
    def failure(self) -> str:
        """Why the backend cannot be used, in one sentence; empty while it can."""
        if self._running is None or self._running.client.failure is None:
            return ""
        failure = self._running.client.failure
        # Slicer shows the log itself; where its file lies is for others.
        return failure.message if failure.hint == self._running.backend.help else str(failure)

    @property
    def busy(self) -> bool:
        """Whether it is being started, or a request waits for its end."""
        return self._running is not None and self._running.client.busy

    @property
    def state(self) -> BackendState:
        """What it is doing."""
        if self._running is None:
            return BackendState.STOPPED
        return BackendState(self._running.client.state.value)

    # Timer

    def hurry(self) -> None:
        """Look at the backend soon, as there is something to send to it."""
        self._quiet = 0
        self._timer.setInterval(BUSY_MILLISECONDS)
        self._timer.start()

    def _onTimer(self) -> None:
        """Hand on what has come; an idle backend is looked at twice a second only."""
        if self._running is None:
            return
        messages = self._running.client.pump()
        for message in messages:
            for handler in list(self._handlers):
                handler(message)
        if self._running is None:  # a handler stopped it
            return
        if self.state is not self._lastState:
            self._onStateChanged()
        self._quiet = 0 if messages or self.busy else self._quiet + 1
        if self._quiet == QUIET_LOOKS:
            self._timer.setInterval(IDLE_MILLISECONDS)

    def _onStateChanged(self) -> None:
        self._lastState = self.state
        for observer in list(self._observers):
            observer()


@dataclass(frozen=True)
class _Running:
    """A client, and the backend that it owns."""

    backend: "LocalBackend | RemoteBackend"
    client: "PolledClient"

    @classmethod
    def of(cls, settings: BackendSettings, token: str) -> "_Running":
        # Imported at first use: the panel has offered to install what is missing by then.
        from medsam2.client import LocalBackend, PolledClient, RemoteBackend

        backend: LocalBackend | RemoteBackend
        if settings.serverUrl:
            backend = RemoteBackend(settings.serverUrl, token, settings.caFile or None)
        else:
            backend = LocalBackend(pythonProgram(), settings.weights, settings.device, speed=settings.speed)
        return cls(backend, PolledClient(backend))


def endLater(client: "PolledClient") -> None:
    """End a ``PolledClient``, and the process behind it, without keeping Slicer waiting."""
    _underWay.append(_Ending(client))


def endBackends() -> None:
    """Wait for those that are to end, as there may be no timer any more."""
    while _underWay:
        _underWay[0].end()


class _Ending:
    def __init__(self, client: "PolledClient"):
        self._client = client
        self._looks = 0
        client.dismiss()
        self._timer = qt.QTimer()
        self._timer.setInterval(ENDING_MILLISECONDS)
        self._timer.connect("timeout()", self._look)
        self._timer.start()

    def _look(self) -> None:
        # Slicer runs no other thread of Python unless this one rests, and one of them watches the process.
        time.sleep(0.001)
        self._looks += 1
        if self._client.gone or self._looks >= ENDING_LOOKS:
            self.end(patience=0)

    def end(self, patience: float = 0.5) -> None:
        self._timer.stop()
        _underWay.remove(self)
        self._client.close(patience)
