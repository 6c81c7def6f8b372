"""A WebSocket server on loopback that does what a test says."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from medsam2.protocol import (
    Cancel,
    Chunk,
    Close,
    Done,
    Error,
    Hello,
    Message,
    OpenVolume,
    Progress,
    PromptRequest,
    Propagate,
    Upload,
    decode,
    encode,
)
from unit.client.spoken import mask, ready

MEGABYTE = 2**20
OPENING = 7
"""Messages that a client is sent until it has opened ``VOXELS``: ready, five times progress, done."""
RESTORING = 3
"""The same when the server still has the voxels."""


@contextmanager
def serving(
    handler: Callable[[ServerConnection], None], context: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serve in threads; gives the address."""
    with serve(handler, "127.0.0.1", 0, ssl=context, compression=None, max_size=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            port = server.socket.getsockname()[1]
            yield f"{'ws' if context is None else 'wss'}://localhost:{port}/session"
        finally:
            server.shutdown()
            thread.join()


def cut(connection: ServerConnection) -> None:
    """Lose a connection without a word."""
    with suppress(OSError):
        connection.socket.shutdown(socket.SHUT_RDWR)


@dataclass
class ScriptedBackend:
    """Answers like a backend that finds the object on ten slices.

    Attributes:
        token: of the client that is welcome.
        cuts: for each connection in turn, how many messages it is sent before it is lost; the others are not.
        farewell: sent before a connection is lost.
        heard: what each connection was told, without chunks.
        uploads: unfinished and finished uploads by name.
        sessions: the name with which each connection was asked for.
    """

    token: str = "secret"
    cuts: list[int] = field(default_factory=list)
    farewell: Error | None = None
    heard: list[list[Message]] = field(default_factory=list)
    uploads: dict[str, Upload] = field(default_factory=dict)
    sessions: list[str] = field(default_factory=list)

    def __call__(self, connection: ServerConnection) -> None:
        """Serve one connection."""
        number = len(self.heard)
        self.heard.append([])
        self.sessions.append(connection.request.headers["X-Session-Id"])
        left = self.cuts[number] if number < len(self.cuts) else None
        with suppress(ConnectionClosed):
            for data in connection:
                message = decode(data)
                if not isinstance(message, Chunk):
                    self.heard[-1].append(message)
                for reply in self._replies(message):
                    connection.send(encode(reply))
                    left = None if left is None else left - 1
                    if left == 0:
                        if self.farewell is not None:
                            connection.send(encode(self.farewell))
                        cut(connection)
                        return

    def _replies(self, message: Message) -> Iterator[Message]:
        if isinstance(message, Hello):
            welcome = message.token == self.token
            yield (
                ready(message.id)
                if welcome
                else Error(message.id, "unauthorised", "No such token.", "Ask for one.")
            )
        elif isinstance(message, OpenVolume):
            self._opening = message
            upload = self.uploads.setdefault(message.upload, Upload(message, MEGABYTE, 2**40))
            yield Progress(message.id, upload.received, upload.total)
            if upload.complete:
                yield Done(message.id, window=(0.0, 1.0))
        elif isinstance(message, Chunk):
            upload = self.uploads[self._opening.upload]
            upload.add(message)
            yield Progress(message.id, upload.received, upload.total)
            if upload.complete:
                yield Done(message.id, window=(0.0, 1.0))
        elif isinstance(message, PromptRequest):
            yield mask(message.id, message.object_id, message.prompt.slice_index)
            yield Done(message.id)
        elif isinstance(message, Propagate):
            for index in range(10):
                yield mask(message.id, message.objects[0], index)
            yield Done(message.id)
        elif not isinstance(message, Cancel | Close):
            yield Done(message.id)
