"""A client that never blocks: Slicer's timer pumps it."""

import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import Enum

import numpy as np

from medsam2.prompt import Prompt
from medsam2.propagation_options import PropagationOptions
from medsam2.protocol import Done, Error, ErrorCode, Message, ProtocolError, Ready
from medsam2.protocol.messages import FieldOfViewChoice, Memory
from medsam2.slice_grid import Axis

from .backend import Backend, Ended, Listening
from .client_error import ClientError, ClientErrorCode
from .client_protocol import ClientProtocol
from .link import Link, LinkState

BUDGET = 0.002
CLOSE_SECONDS = 0.5
NAP = 0.01
"""Seconds between looks at a backend that is starting."""
PASSING: tuple[ErrorCode, ...] = ("busy", "shutting_down", "not_ready")
"""Why a server may refuse a client that it takes later."""


class ClientState(Enum):
    """What a client is doing, in a word."""

    STARTING = "starting"
    CONNECTING = "connecting"
    READY = "ready"
    RESTORING = "restoring"
    CLOSED = "closed"
    FAILED = "failed"


class PolledClient:
    """A session on a backend that is started, connected to, and restored when it is lost.

    Requests return their id at once, as in ``ClientProtocol``, and the answers come out of ``pump``. They may
    be made before the backend is ready.

    After a lost connection or a crash the requests that had not ended are answered again from the start.
    A session that the server ended after idling is restored by the next request.

    Args:
        backend: owned by this client from now on.
        name: of the program, with its version, for the server's log.
        clock: seconds.

    Attributes:
        failure: why the client gave up; None while it has not.
    """

    def __init__(self, backend: Backend, name: str = "", clock: Callable[[], float] = time.monotonic):
        self.failure: ClientError | None = None
        self._backend = backend
        self._clock = clock
        self._protocol = ClientProtocol(backend.token, name, backend.remote)
        self._session = secrets.token_hex(8)
        self._link: Link | None = None
        self._arrived: deque[bytes] = deque()
        self._moved = False
        self._closed = False
        # Whether this backend has worked, so that a loss may be mended by trying again.
        self._is_proven = False
        self._last_word: Error | None = None
        self._asleep = False
        self._failures = 0
        self._next_try = 0.0
        self._is_counted = False  # the loss of the backend that ended
        self._needs_start = False  # the backend, as it lives but takes no clients

    @property
    def state(self) -> ClientState:
        """What the client is doing."""
        if self.failure is not None:
            return ClientState.FAILED
        if self._closed:
            return ClientState.CLOSED
        if self._protocol.restoring:
            return ClientState.RESTORING
        if self._protocol.ready is not None:
            return ClientState.READY
        return ClientState.STARTING if self._link is None else ClientState.CONNECTING

    @property
    def ready(self) -> Ready | None:
        """What the backend said of itself; None while there is none."""
        return self._protocol.ready

    @property
    def busy(self) -> bool:
        """Whether a request waits for its end, or the backend is being started or restored."""
        if self.state in (ClientState.CLOSED, ClientState.FAILED):
            return False
        return self._protocol.waiting or self.state is not ClientState.READY

    def open_volume(
        self,
        voxels: np.ndarray,
        spacing: Sequence[float],
        modality: str | None = None,
        window: tuple[float, float] | None = None,
        memory: Memory = "temporal",
    ) -> int:
        """See ``ClientProtocol.open_volume``."""
        return self._protocol.open_volume(voxels, spacing, modality, window, memory)

    def prompt(
        self, object_id: str, axis: Axis, prompt: Prompt, field_of_view: FieldOfViewChoice | None = None
    ) -> int:
        """See ``ClientProtocol.prompt``."""
        return self._protocol.prompt(object_id, axis, prompt, field_of_view)

    def propagate(
        self, axis: Axis, objects: Iterable[str] = (), options: PropagationOptions = PropagationOptions()
    ) -> int:
        """See ``protocol.Propagate``."""
        return self._protocol.propagate(axis, objects, options)

    def forget(self, object_id: str, axis: Axis | None = None, slice_index: int | None = None) -> int:
        """Forget an object, or what is known of it on one slice."""
        return self._protocol.forget(object_id, axis, slice_index)

    def shown(self, axis: Axis, slice_index: int, point: tuple[float, float] | None = None) -> None:
        """Tell which slice the user looks at, and at which row and column the user points; not answered."""
        self._protocol.shown(axis, slice_index, point)

    def cancel(self, request: int) -> None:
        """Ask that a request ends early, with ``Done("cancelled")`` unless it was quicker."""
        self._protocol.cancel(request)

    def start(self) -> None:
        """Begin; the rest happens in ``pump``."""
        self._backend.start()

    def pump(self, budget: float = BUDGET) -> list[Message]:
        """Send and receive for ``budget`` seconds at most; returns what has arrived.

        Besides the answers to requests there are ``Ready``, and ``Error`` with id 0 for the connection.
        """
        messages: list[Message] = []
        self._moved = True
        started = self._clock()
        deadline = started + budget
        while self._moved and self.failure is None and not self._closed:
            self._moved = self._step(messages)
            ended = self._clock()
            if ended + (ended - started) > deadline:  # another such step would be late
                break
            started = ended
        return messages

    def wait(self, timeout: float) -> None:
        """Block until there is something to pump, or for ``timeout`` seconds."""
        if self._moved:
            return
        if self._link is not None:
            self._link.wait(timeout)
        else:
            time.sleep(min(timeout, NAP))

    def dismiss(self) -> None:
        """Begin to close, and wait for nothing; ``close`` must follow, best when ``gone`` says so."""
        if self._closed:
            return
        self._closed = True
        if self._link is not None:
            self._protocol.close()
            self._link.exchange(self._protocol.next_message)
            self._link.close()
        self._backend.dismiss()

    @property
    def gone(self) -> bool:
        """Whether nothing is left of the backend, so that ``close`` need not wait."""
        return isinstance(self._backend.state, Ended)

    def close(self, patience: float = CLOSE_SECONDS) -> None:
        """End the session and everything that was started for it.

        Args:
            patience: seconds that the backend has to end by itself.
        """
        self.dismiss()
        # The log stays only where the failure sends people to it.
        self._backend.stop(
            patience, keep_log=self.failure is not None and self._backend.help in str(self.failure)
        )

    def _step(self, messages: list[Message]) -> bool:
        """Do one thing; returns whether there may be more to do at once."""
        if self._arrived:
            self._take(self._arrived.popleft(), messages)
            return True
        if self._link is None:
            return self._reach()
        self._arrived.extend(self._link.exchange(self._protocol.next_message))
        if self._link.state is LinkState.CLOSED and not self._arrived:
            self._lost_link(self._link)
            return False
        return self._link.moved or bool(self._arrived)

    def _take(self, data: bytes, messages: list[Message]) -> None:
        try:
            taken = self._protocol.receive(data)
        except ProtocolError as error:
            self._fail(
                error.code, "The server does not speak this protocol.", "Install the same version there."
            )
            return
        messages += taken
        for message in taken:
            self._note(message)

    def _note(self, message: Message) -> None:
        if isinstance(message, Ready):
            self._is_proven = True
            self._last_word = None
        elif isinstance(message, Error) and self._protocol.ready is None:
            self._last_word = message
            # The hello came too late: nobody pumped for a while.
            self._is_proven |= message.code == "not_ready"
            if message.code not in PASSING:
                self._fail(message.code, message.message, message.hint)
        elif isinstance(message, Error) and message.id == 0:
            self._last_word = message
        elif isinstance(message, Done | Error):
            self._failures = 0

    def _reach(self) -> bool:
        """Get a link to the backend, once that is possible."""
        if self._asleep and self._protocol.waiting:
            self._asleep = False
            self._protocol.restart()
        if self._asleep or self._clock() < self._next_try:
            return False
        state = self._backend.state
        if self._needs_start or (isinstance(state, Ended) and self._is_counted):
            self._needs_start = self._is_counted = False
            self._backend.start()
        elif isinstance(state, Ended):
            self._lost(state.reason, state.hint, state.lasting)
        elif isinstance(state, Listening):
            self._link = Link(state.url, state.ca_file, self._session)
        return False

    def _lost_link(self, link: Link) -> None:
        self._link = None
        word = None if self._last_word is None else self._last_word.code
        if word == "expired":
            self._asleep, self._last_word = True, None
            return
        self._needs_start = word == "shutting_down" or not link.was_open
        self._lost(link.reason, self._backend.help, link.lasting)

    def _lost(self, reason: str, hint: str, lasting: bool) -> None:
        """Try again after a while, or give up."""
        self._is_counted = True
        self._failures += 1
        waits = self._backend.waits
        if lasting or not self._is_proven or self._failures > len(waits):
            self._give_up(reason, hint)
            return
        self._next_try = self._clock() + waits[self._failures - 1]
        self._protocol.restart()

    def _give_up(self, reason: str, hint: str) -> None:
        if self._last_word is not None:
            self._fail(self._last_word.code, self._last_word.message, self._last_word.hint)
            return
        times = f"The backend was lost {self._failures} times in a row. " if self._failures > 1 else ""
        self._fail("unreachable", times + reason, hint)

    def _fail(self, code: ClientErrorCode, message: str, hint: str) -> None:
        self.failure = ClientError(code, message, hint)
        self._arrived.clear()
        if self._link is not None:
            self._link.close()
            self._link = None
        self._backend.stop(patience=0, keep_log=True)
