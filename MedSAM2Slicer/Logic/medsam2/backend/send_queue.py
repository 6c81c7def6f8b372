"""What waits to be sent to one client; filled from any thread, emptied by its connection."""

import asyncio
import threading
import time
from collections import deque

from medsam2.protocol import Message, encode

ROOM_BYTES = 2 * 2**20
"""With more than this waiting, the client's tracking pauses."""
FULL_BYTES = 4 * ROOM_BYTES
"""With more than this waiting, the client's requests are not read."""


class SendQueue:
    """A queue of encoded messages of one connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = loop
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._filled = asyncio.Event()
        self._closed = False
        self._moved = time.monotonic()

    def put(self, message: Message) -> None:
        """Queue a message, from any thread; lost when the connection is."""
        self._put(encode(message))

    def close(self, last: Message) -> None:
        """Queue a last message and take nothing more."""
        self._put(encode(last), last=True)

    def _put(self, data: bytes, last: bool = False) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = last
            if not self._waiting:
                self._moved = time.monotonic()
            self._waiting.append(data)
            self._bytes += len(data)
            # Within the lock: once it is closed and cleared, the loop may have ended.
            self._loop.call_soon_threadsafe(self._filled.set)

    def has_room(self) -> bool:
        """Whether the client reads fast enough."""
        return self._bytes < ROOM_BYTES

    @property
    def full(self) -> bool:
        """Whether nothing should be done that has to be answered."""
        return self._bytes >= FULL_BYTES

    @property
    def stuck_seconds(self) -> float:
        """How long what waits has not become less."""
        return time.monotonic() - self._moved if self._waiting else 0.0

    @property
    def empty(self) -> bool:
        """Whether everything has been written to the socket."""
        return not self._waiting

    async def next(self) -> bytes:
        """Wait for the next message; it counts as waiting until ``sent``."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        return self._waiting[0]

    def sent(self) -> bool:
        """The first message has been written to the socket; whether there is room now that there was not."""
        with self._lock:
            had_room = self.has_room()
            self._bytes -= len(self._waiting.popleft())
            self._moved = time.monotonic()
            return not had_room and self.has_room()

    def clear(self) -> None:
        """Drop everything and take nothing more."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
            self._bytes = 0
