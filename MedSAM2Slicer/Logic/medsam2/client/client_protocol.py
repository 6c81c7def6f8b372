"""One client's side of the protocol, without I/O: requests in, bytes out; bytes in, messages out."""

import itertools
from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np

from medsam2.prompt import Prompt
from medsam2.propagation_options import PropagationOptions
from medsam2.protocol import (
    Close,
    Done,
    Error,
    Forget,
    Hello,
    Mask,
    Message,
    OpenVolume,
    Progress,
    PromptRequest,
    Propagate,
    Ready,
    SliceShown,
    decode,
    encode,
)
from medsam2.protocol.messages import FieldOfViewChoice, Memory
from medsam2.slice_grid import Axis

from .journal import Journal
from .send_order import SendOrder, Uploads


class ClientProtocol:
    """Requests of one client and their answers; knows nothing of sockets.

    The methods that make a request return its id at once. Each request ends with exactly one ``Done`` or
    ``Error`` of that id, also when ``restart`` comes in between. An ``Error`` with id 0 concerns the
    connection, or the volume that could not be restored.

    Args:
        token: opens the server.
        client: name and version for the server's log.
        remote: whether the volume travels over a network, where packing it is worth it.
    """

    def __init__(self, token: str, client: str = "", remote: bool = False):
        self._ids = itertools.count(1)
        self._hello = Hello(next(self._ids), token, client)
        self._remote = remote
        self._uploads = Uploads()
        self._journal = Journal(self._ids)
        self._open: dict[int, Message] = {}
        self._cancelled: set[int] = set()
        self._replayed: dict[int, Message] = {}
        self._restarted = False
        self._send_order = self._new_send_order([])

    def _new_send_order(self, messages: Iterable[Message]) -> SendOrder:
        return SendOrder(self._hello, messages, self._uploads, self._remote, self._ids, self._replayed)

    @property
    def ready(self) -> Ready | None:
        """What the server said of itself on this connection; None until then."""
        return self._send_order.ready

    @property
    def waiting(self) -> bool:
        """Whether a request has not ended."""
        return bool(self._open)

    @property
    def restoring(self) -> bool:
        """Whether the server has not yet been told again all that it knew before ``restart``."""
        return self._restarted and (self.ready is None or bool(self._replayed))

    def open_volume(
        self,
        voxels: np.ndarray,
        spacing: Sequence[float],
        modality: str | None = None,
        window: tuple[float, float] | None = None,
        memory: Memory = "temporal",
    ) -> int:
        """Open a volume in place of the one before, whose prompts are void then.

        Args:
            voxels: (k, j, i). Kept, to be sent again after a lost connection, so it must not change. The
                array object that is open already is not uploaded again.
            spacing: millimetres between voxels along k, j and i.
            modality: such as "CT" or "MR".
            window: intensities shown as black and white; None for automatic.
            memory: which slices the tracker remembers.

        Raises:
            ClientError: the array cannot be sent.
        """
        upload = self._uploads.add(voxels)
        data = self._uploads[upload]
        limits = None if window is None else (float(window[0]), float(window[1]))
        steps = cast(tuple[float, float, float], tuple(float(step) for step in spacing))
        return self._request(
            OpenVolume(next(self._ids), upload, data.shape, data.dtype.name, steps, modality, limits, memory)
        )

    def prompt(
        self, object_id: str, axis: Axis, prompt: Prompt, field_of_view: FieldOfViewChoice | None = None
    ) -> int:
        """Click, box or paint an object on a slice; answered with its mask there.

        Args:
            object_id: which object.
            axis: along which the slice lies.
            prompt: what is said of it.
            field_of_view: "auto", "slice", or a side in millimetres; None keeps or chooses it.
        """
        return self._request(PromptRequest(next(self._ids), object_id, axis, prompt, field_of_view))

    def propagate(
        self, axis: Axis, objects: Iterable[str] = (), options: PropagationOptions = PropagationOptions()
    ) -> int:
        """Track objects along an axis; answered with masks slice by slice. See ``protocol.Propagate``."""
        return self._request(Propagate(next(self._ids), axis, tuple(objects), options))

    def forget(self, object_id: str, axis: Axis | None = None, slice_index: int | None = None) -> int:
        """Forget an object, or what is known of it on one slice."""
        return self._request(Forget(next(self._ids), object_id, axis, slice_index))

    def close(self) -> int:
        """End the session on the server."""
        return self._request(Close(next(self._ids)))

    def _request(self, request: Message) -> int:
        if not any(isinstance(earlier, OpenVolume) for earlier in self._open.values()):
            for lost in self._journal.lost_before(request):
                self._replayed[lost.id] = lost
                self._send_order.put(lost)
        self._open[request.id] = request
        self._send_order.put(request)
        return request.id

    def shown(self, axis: Axis, slice_index: int, point: tuple[float, float] | None = None) -> None:
        """Tell which slice the user looks at, and at which row and column the user points; not answered."""
        self._send_order.show(SliceShown(next(self._ids), axis, int(slice_index), point))

    def cancel(self, job: int) -> None:
        """Ask that a request ends early, with ``Done("cancelled")`` unless it was quicker."""
        if job in self._open and job not in self._cancelled:
            self._cancelled.add(job)
            self._send_order.cancel(self._open[job])

    def next_message(self) -> bytes | None:
        """The next message to send; None when there is none now. Asked for only when it can be sent."""
        message = self._send_order.next()
        return None if message is None else encode(message)

    def receive(self, data: bytes) -> list[Message]:
        """Take a message of the server; returns what of it is for the caller.

        Raises:
            ProtocolError: the bytes are no message.
        """
        message = decode(data)
        if isinstance(message, Done | Error):
            return self._ended(message)
        if isinstance(message, Ready):
            self._send_order.welcomed(message)
        elif isinstance(message, Progress):
            self._send_order.progressed(message)
        elif isinstance(message, Mask):
            request = self._open.get(message.id)
            if isinstance(request, Propagate):
                self._journal.tracked(request, message)
        return [] if message.id in self._replayed else [message]

    def _ended(self, answer: Done | Error) -> list[Message]:
        self._send_order.ended(answer.id)
        if answer.id in self._replayed:
            del self._replayed[answer.id]
            return self._restored(answer)
        request = self._open.pop(answer.id, None)
        self._cancelled.discard(answer.id)
        if isinstance(answer, Done) and answer.outcome == "finished":
            self._note(request)
        if isinstance(request, OpenVolume):
            # This one too: an upload that was cancelled or refused may be asked for again.
            volumes = [*self._open.values(), self._journal.volume, request]
            self._uploads.keep([volume.upload for volume in volumes if isinstance(volume, OpenVolume)])
        return [answer]

    def _restored(self, answer: Done | Error) -> list[Message]:
        """An answer to something told again: the caller knows it, unless the volume is lost now."""
        volume = self._journal.volume
        if isinstance(answer, Error) and volume is not None and answer.id == volume.id:
            self._journal.clear()
            return [Error(0, answer.code, answer.message, answer.hint)]
        return []

    def _note(self, request: Message | None) -> None:
        """Keep what the server knows from now on."""
        if isinstance(request, OpenVolume):
            self._journal.opened(request)
        elif isinstance(request, PromptRequest):
            self._journal.prompted(request)
        elif isinstance(request, Forget):
            self._journal.forgot(request)

    def restart(self) -> None:
        """Begin anew on a new connection.

        The server is sent the volume again, and then the requests that have not ended, each behind what the
        server must know for it; their answers come again from the start.
        """
        requests = list(self._open.values())
        self._journal.lose(self._open)
        messages: list[Message] = []
        # A volume that is being opened replaces the one before, which need not be sent again.
        if self._journal.volume is not None and not isinstance(next(iter(requests), None), OpenVolume):
            messages.append(self._journal.volume)
        opening = False
        for request in requests:
            opening |= isinstance(request, OpenVolume)
            messages += [request] if opening else [*self._journal.lost_before(request), request]
        self._restarted = True
        self._replayed = {message.id: message for message in messages if message.id not in self._open}
        self._send_order = self._new_send_order(messages)
        for job in self._cancelled:
            self._send_order.cancel(self._open[job])
