"""uvicorn's WebSocket, but nobody keeps the server busy with frames that hold next to nothing."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

UNKNOWN_BYTES = 2**14
"""All that one who has not shown a token may send."""
PIECE_BYTES = 2**14
"""Looked at in one go: smallest frames take 40 ms."""
MOST_FRAMES = 4096
"""Between one whole message and the next: pings, answers to pings, and parts of a message."""


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Cuts a connection that sends too many bytes too early, or too many frames without a message."""

    _bytes = 0
    _frames = 0

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        for start in range(0, len(data), PIECE_BYTES):
            piece = data[start : start + PIECE_BYTES]
            self._bytes += len(piece)
            is_known = self.app_state["visitor"].welcomed
            if self._frames > MOST_FRAMES or (self._bytes > UNKNOWN_BYTES and not is_known):
                self.transport.abort()
                return
            super().data_received(piece)

    def handle_ping(self) -> None:
        """Answer, unless the client leaves so much unread that answers would pile up."""
        self._frames += 1
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_pong(self, event: Frame) -> None:
        """The client answers a ping, or says so."""
        self._frames += 1
        super().handle_pong(event)

    def handle_cont(self, event: Frame) -> None:
        """A further part of a message."""
        self._frames += 1
        super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """A message is whole."""
        self._frames = 0
        super().send_receive_event_to_app()
