"""A client whose methods wait for their answers: for the command line, scripts and tests."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from medsam2.prompt import Prompt
from medsam2.propagation_options import PropagationOptions
from medsam2.protocol import Done, Error, ErrorCode, Mask, Message, Progress, Ready
from medsam2.protocol.messages import FieldOfViewChoice, Memory
from medsam2.slice_grid import Axis

from .backend import Backend
from .client_error import ClientError
from .polled_client import ClientState, PolledClient

BUDGET = 0.1
WAIT_SECONDS = 0.1
MENDED: tuple[ErrorCode, ...] = ("shutting_down", "expired", "busy", "not_ready")
"""Errors of the connection after which the client connects again by itself."""


class BlockingClient:
    """Requests one after the other.

    Use it in a ``with`` statement: at its end the session ends, and the backend's process with it.

    Args:
        backend: owned by this client from now on.
        name: of the program, with its version, for the server's log.
    """

    def __init__(self, backend: Backend, name: str = ""):
        self._client = PolledClient(backend, name)
        self._arrived: dict[int, deque[Message]] = {}

    def __enter__(self) -> "BlockingClient":
        self._client.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def ready(self) -> Ready:
        """What the backend said of itself.

        Raises:
            ClientError: there is no connection to it.
        """
        while self._client.ready is None:
            self._pump()
        return self._client.ready

    @property
    def is_lost(self) -> bool:
        """Whether it gave its backend up, so that a new client is needed."""
        return self._client.failure is not None

    def open_volume(
        self,
        voxels: np.ndarray,
        spacing: Sequence[float],
        modality: str | None = None,
        window: tuple[float, float] | None = None,
        memory: Memory = "temporal",
        on_progress: Callable[[int, int], None] | None = None,
    ) -> tuple[float, float]:
        """Open a volume in place of the one before; see ``ClientProtocol.open_volume``.

        Args:
            on_progress: called with the bytes that the server holds and those of the volume.

        Returns:
            The intensities shown as black and white.

        Raises:
            ClientError: the volume could not be opened.
        """
        for answer in self._answers(self._client.open_volume(voxels, spacing, modality, window, memory)):
            if isinstance(answer, Progress) and on_progress is not None:
                on_progress(answer.done, answer.total)
            if isinstance(answer, Done) and answer.window is not None:
                return answer.window
        raise ClientError(
            "bad_message", "The server does not speak this protocol.", "Install the same version there."
        )

    def prompt(
        self, object_id: str, axis: Axis, prompt: Prompt, field_of_view: FieldOfViewChoice | None = None
    ) -> Mask:
        """Prompt an object; returns its mask on that slice. See ``ClientProtocol.prompt``.

        Raises:
            ClientError: the prompt was refused.
        """
        request = self._client.prompt(object_id, axis, prompt, field_of_view)
        return next(answer for answer in list(self._answers(request)) if isinstance(answer, Mask))

    def propagate(
        self,
        axis: Axis,
        objects: Iterable[str] = (),
        options: PropagationOptions = PropagationOptions(),
        on_progress: Callable[[float], None] | None = None,
    ) -> Iterator[Mask]:
        """Track objects; yields masks as they come. See ``protocol.Propagate``.

        A slice may come more than once: after a lost connection, and where several orientations are fused.
        Closing the iterator cancels the job.

        Args:
            axis, objects, options: what is tracked.
            on_progress: called with the share of the work that is done.

        Raises:
            ClientError: the job failed.
        """
        job = self._client.propagate(axis, objects, options)
        try:
            for answer in self._answers(job):
                if isinstance(answer, Mask):
                    yield answer
                elif isinstance(answer, Progress) and on_progress is not None:
                    on_progress(answer.done / answer.total)
        finally:
            self._client.cancel(job)
            while job in self._arrived:
                self._next(job)

    def forget(self, object_id: str, axis: Axis | None = None, slice_index: int | None = None) -> None:
        """Forget an object, or what is known of it on one slice.

        Raises:
            ClientError: it could not be done.
        """
        for _ in self._answers(self._client.forget(object_id, axis, slice_index)):
            pass

    def shown(self, axis: Axis, slice_index: int, point: tuple[float, float] | None = None) -> None:
        """Tell which slice the user looks at, and where the user points: it may be encoded meanwhile."""
        self._client.shown(axis, slice_index, point)
        self._client.pump(BUDGET)

    def close(self) -> None:
        """End the session, and the backend's process if there is one."""
        self._client.close()

    def _answers(self, request: int) -> Iterator[Message]:
        """Answers to a request up to its ``Done``; what comes for other requests is kept."""
        self._arrived[request] = deque()
        while request in self._arrived:
            answer = self._next(request)
            if isinstance(answer, Error):
                raise ClientError(answer.code, answer.message, answer.hint)
            if isinstance(answer, Done) and answer.outcome == "cancelled":
                raise ClientError("cancelled", "The server ended the request early.", "Try again.")
            yield answer

    def _next(self, request: int) -> Message:
        while not self._arrived[request]:
            self._pump()
        answer = self._arrived[request].popleft()
        if isinstance(answer, Done | Error):
            del self._arrived[request]
        return answer

    def _pump(self) -> None:
        """Take what has arrived; wait a little if it is nothing."""
        if self._client.failure is not None:
            self._arrived.clear()
            raise self._client.failure
        if self._client.state is ClientState.CLOSED:
            self._arrived.clear()
            raise ClientError("closed", "The client was closed.", "Make a new one.")
        messages = self._client.pump(BUDGET)
        if not messages:
            self._client.wait(WAIT_SECONDS)
        for message in messages:
            if message.id in self._arrived:
                self._arrived[message.id].append(message)
        for message in messages:
            if isinstance(message, Error) and message.id == 0 and message.code not in MENDED:
                raise ClientError(message.code, message.message, message.hint)
