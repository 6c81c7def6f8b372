"""The order in which one connection's messages go out, and the volumes that go with them."""

import uuid
from collections import deque
from collections.abc import Collection, Container, Iterable, Iterator
from dataclasses import replace
from typing import get_args

import numpy as np

from medsam2.protocol import (
    Cancel,
    Chunk,
    Hello,
    Message,
    OpenVolume,
    Progress,
    Ready,
    SliceShown,
    chunks,
    compressions,
)
from medsam2.protocol.messages import Compression, Dtype

from .client_error import ClientError

CHUNK_BYTES = 2**18
"""Of the volume in one chunk at most: larger ones take long to make, and no less time in all."""


class Uploads:
    """Voxels by the name of their upload."""

    def __init__(self) -> None:
        self._given: dict[str, np.ndarray] = {}
        self._sendable: dict[str, np.ndarray] = {}

    def add(self, voxels: np.ndarray) -> str:
        """The name of the upload of a volume (k, j, i): the same for the same array object.

        Raises:
            ClientError: it is no volume, or of a type that cannot be sent.
        """
        known = [name for name, given in self._given.items() if given is voxels]
        if known:
            return known[0]
        name = uuid.uuid4().hex
        self._sendable[name] = _sendable(voxels)
        self._given[name] = voxels
        return name

    def __getitem__(self, name: str) -> np.ndarray:
        return self._sendable[name]

    def keep(self, names: Collection[str]) -> None:
        """Let go of all others."""
        for name in self._given.keys() - set(names):
            del self._given[name], self._sendable[name]


def _sendable(voxels: np.ndarray) -> np.ndarray:
    """The volume (k, j, i) as it can be sent; copied only where its layout makes that necessary.

    Raises:
        ClientError: it is no volume, or of a type that cannot be sent.
    """
    if voxels.ndim != 3 or not voxels.size:
        raise ClientError("bad_input", "The volume must be an array (k, j, i) with voxels in it.")
    if voxels.dtype.name not in get_args(Dtype):
        raise ClientError(
            "bad_input",
            f"Voxels of type {voxels.dtype.name} cannot be sent: convert them to float32 or int32.",
        )
    return np.ascontiguousarray(voxels, voxels.dtype.newbyteorder("<"))


class SendOrder:
    """Requests in order, an opening volume's chunks as they are asked for, cancels before all else.

    A hello and an opening volume must end before anything else is sent.

    Args:
        hello: goes first.
        messages: the requests that follow it.
        uploads: holds the voxels of every ``OpenVolume``.
        remote: whether chunks travel over a network, where packing them is worth it.
        new_ids: for messages that are made here.
        one_by_one: ids of requests that what follows must wait for.

    Attributes:
        ready: what the server said of itself; None until then.
    """

    def __init__(
        self,
        hello: Hello,
        messages: Iterable[Message],
        uploads: Uploads,
        remote: bool,
        new_ids: Iterator[int],
        one_by_one: Container[int],
    ):
        self.ready: Ready | None = None
        self._queue = deque([hello, *messages])
        self._uploads = uploads
        self._remote = remote
        self._new_ids = new_ids
        self._one_by_one = one_by_one
        self._cancels: deque[Cancel] = deque()
        self._cancelled: set[int] = set()
        self._shown: SliceShown | None = None
        # What was sent last, if what comes after waits for its end.
        self._gate: Message | None = None
        self._chunks_wanted = False
        self._chunks: Iterator[Chunk] = iter(())

    def put(self, message: Message) -> None:
        """Send a request after all others."""
        self._queue.append(message)

    def show(self, message: SliceShown) -> None:
        """Send this when nothing else waits, in place of an earlier one."""
        self._shown = message

    def cancel(self, request: Message) -> None:
        """Cancel a request: now, or, as the server must know it first, right behind it."""
        self._cancelled.add(request.id)
        if not any(waiting is request for waiting in self._queue):
            self._cancels.append(Cancel(next(self._new_ids), request.id))
        if request is self._gate:
            self._chunks_wanted, self._chunks = False, iter(())

    def next(self) -> Message | None:
        """What to send now; None when nothing can be sent before something arrives."""
        if self._cancels:
            return self._cancels.popleft()
        if self._gate is not None:
            return next(self._chunks, None)
        if self._queue:
            return self._sent(self._queue.popleft())
        shown, self._shown = self._shown, None
        return shown

    def _sent(self, message: Message) -> Message:
        cancelled = message.id in self._cancelled
        if cancelled:
            self._cancels.append(Cancel(next(self._new_ids), message.id))
        if isinstance(message, Hello | OpenVolume) or message.id in self._one_by_one:
            self._gate = message
        if isinstance(message, OpenVolume):
            self._chunks_wanted = not cancelled
            return replace(message, compression=self._compression())
        return message

    def welcomed(self, ready: Ready) -> None:
        """The server answered the hello."""
        self.ready = ready
        self._gate = None

    def progressed(self, progress: Progress) -> None:
        """The first word on an opening volume tells from which byte on chunks are wanted."""
        gate = self._gate
        if not self._chunks_wanted or not isinstance(gate, OpenVolume) or progress.id != gate.id:
            return
        self._chunks_wanted = False
        size = CHUNK_BYTES if self.ready is None else min(self.ready.limits.chunk_bytes, CHUNK_BYTES)
        voxels = self._uploads[gate.upload]
        self._chunks = chunks(gate.id, voxels, size, self._compression(), progress.done)

    def ended(self, request_id: int) -> None:
        """A request has ended."""
        self._cancelled.discard(request_id)
        if self._gate is not None and self._gate.id == request_id:
            self._gate, self._chunks_wanted, self._chunks = None, False, iter(())

    def _compression(self) -> Compression:
        there = () if self.ready is None else self.ready.compressions
        return "zstd" if self._remote and "zstd" in compressions() and "zstd" in there else "none"
