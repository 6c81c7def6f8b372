"""One WebSocket that never keeps its user waiting."""

import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from websockets.client import ClientProtocol as WebSocketProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN

from .connecting import ConnectingError, open_websocket

READ_BYTES = 2**18
PING_SECONDS = 20.0
"""Of silence, after which the server is asked whether it is still there."""
PONG_SECONDS = 40.0
"""For its answer."""

_NOT_NOW = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class LinkState(Enum):
    """A link is in one of these states, in this order."""

    CONNECTING = "connecting"
    OPEN = "open"
    CLOSED = "closed"


class _Opened(NamedTuple):
    socket: socket.socket
    protocol: WebSocketProtocol


class Link:
    """Connects at once, in a thread of its own; everything else happens in ``exchange``.

    Args:
        url: ``ws://`` or ``wss://``.
        ca_file: see ``open_websocket``.
        session: see ``open_websocket``.
        clock: seconds, for the silence of a server that is gone.

    Attributes:
        reason: why the link is closed, in one sentence.
        lasting: whether another link to the same place would end in the same way.
        was_open: whether it ever was.
        moved: whether the last exchange sent or received anything.
    """

    def __init__(
        self,
        url: str,
        ca_file: str | Path | None = None,
        session: str = "",
        clock: Callable[[], float] = time.monotonic,
    ):
        self.reason = ""
        self.lasting = False
        self.was_open = False
        self.moved = False
        self._clock = clock
        self._opened: _Opened | None = None
        self._closed = False
        self._outgoing: deque[memoryview] = deque()
        self._parts: list[bytes] = []
        self._heard = clock()
        self._pinged: float | None = None
        self._thread = threading.Thread(target=self._connect, args=(url, ca_file, session), daemon=True)
        self._thread.start()

    def _connect(self, url: str, ca_file: str | Path | None, session: str) -> None:
        try:
            opened = _Opened(*open_websocket(url, ca_file, session))
        except ConnectingError as error:
            self._end(str(error), error.lasting)
            return
        except Exception as error:  # else whoever waits for this link would wait for ever
            self._end(f"The server cannot be connected to ({type(error).__name__}): check its address.", True)
            return
        self._heard = self._clock()
        self.was_open = True
        self._opened = opened  # last: from here on the link counts as open
        if self._closed:
            opened.socket.close()

    @property
    def state(self) -> LinkState:
        """Connecting, open or closed."""
        if self._closed:
            return LinkState.CLOSED
        return LinkState.CONNECTING if self._opened is None else LinkState.OPEN

    def exchange(self, next_message: Callable[[], bytes | None]) -> list[bytes]:
        """Send and receive once, what is possible at once; returns whole messages.

        Args:
            next_message: gives the next message to send, or None; asked only when there is room for it.
        """
        self.moved = False
        opened = self._opened
        if opened is None or self._closed:
            return []
        messages = self._receive(opened)
        self._send(opened, next_message)
        self._check(opened.protocol)
        return messages

    def _receive(self, opened: _Opened) -> list[bytes]:
        try:
            data = opened.socket.recv(READ_BYTES)
        except _NOT_NOW:
            # Some may have come together with the server's consent to connect.
            return self._messages(opened.protocol)
        except OSError:
            data = b""
        self.moved = True
        self._heard, self._pinged = self._clock(), None
        if data:
            opened.protocol.receive_data(data)
        else:
            opened.protocol.receive_eof()
        return self._messages(opened.protocol)

    def _messages(self, protocol: WebSocketProtocol) -> list[bytes]:
        """Whole binary messages of the frames that have arrived; pings are answered by the protocol."""
        messages = []
        for frame in protocol.events_received():
            if isinstance(frame, Frame) and frame.opcode in (Opcode.BINARY, Opcode.CONT):
                self._parts.append(bytes(frame.data))
                if frame.fin:
                    messages.append(self._parts[0] if len(self._parts) == 1 else b"".join(self._parts))
                    self._parts = []
        return messages

    def _send(self, opened: _Opened, next_message: Callable[[], bytes | None]) -> None:
        self._collect(opened.protocol)
        if not self._outgoing and opened.protocol.state is OPEN:
            message = next_message()
            if message is not None:
                opened.protocol.send_binary(message)
                self._collect(opened.protocol)
        if not self._outgoing:
            return
        try:
            sent = opened.socket.send(self._outgoing[0])
        except OSError:
            # There is no room now; or the other end is gone, but its last words may wait to be read.
            return
        self.moved = True
        if sent == len(self._outgoing[0]):
            self._outgoing.popleft()
        else:
            self._outgoing[0] = self._outgoing[0][sent:]

    def _collect(self, protocol: WebSocketProtocol) -> None:
        # An empty part asks to half-close the socket, which is closed as a whole here.
        self._outgoing.extend(memoryview(part) for part in protocol.data_to_send() if part)

    def _check(self, protocol: WebSocketProtocol) -> None:
        """Find out whether the other end has closed, or is gone without a word."""
        closing = protocol.close_rcvd
        now = self._clock()
        if closing is not None:
            self._end(f"The server closed the connection ({closing.reason or f'code {int(closing.code)}'}).")
        elif protocol.state is not OPEN:
            self._end("The connection to the server was cut.")
        elif self._pinged is not None and now - self._pinged > PONG_SECONDS:
            self._end("The server does not answer any more.")
        elif self._pinged is None and now - self._heard > PING_SECONDS:
            self._pinged = now
            protocol.send_ping(b"")

    def wait(self, timeout: float) -> None:
        """Block until an exchange could move something, or for ``timeout`` seconds."""
        opened = self._opened
        if self._closed:
            return
        if opened is None:
            self._thread.join(timeout)
        elif not (isinstance(opened.socket, ssl.SSLSocket) and opened.socket.pending()):
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outgoing else 0)
            with selectors.DefaultSelector() as selector:
                selector.register(opened.socket, events)
                selector.select(timeout)

    def close(self) -> None:
        """Close; the other end is told if that is possible at once."""
        opened = self._opened
        if opened is not None and not self._closed and opened.protocol.state is OPEN:
            opened.protocol.send_close(1000)
            self._send(opened, lambda: None)
        self._end("The connection was closed here.")

    def _end(self, reason: str, lasting: bool = False) -> None:
        if not self._closed:
            self.reason, self.lasting = reason, lasting
            self._closed = True
        if self._opened is not None:
            self._opened.socket.close()
