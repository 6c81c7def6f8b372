"""The door of a server: sockets are accepted here, and put out again unless a client comes in soon.

Whoever has no token must be able neither to keep others out nor to take memory.
"""

import asyncio
import contextlib
import os
import socket
import ssl
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from .log import log_event

UPGRADE_SECONDS = 10.0
"""From the first byte to a WebSocket, TLS included."""
CLOSING_SECONDS = 10.0
"""For the other end to take what was written before the connection was closed."""
MOST_VISITORS, MOST_PER_ADDRESS = 64, 16
"""Connections that have not shown a token, in all and from one address."""
FIRST_BYTES = 4096
"""The largest message of one that has not shown a token."""
SPARE_FILES = 32
"""Files and sockets of the process itself, beside those of clients."""
BACKLOG = 1024


class Visitor:
    """One connection, from being accepted to being closed."""

    def __init__(self, sock: socket.socket):
        self.address = sock.getpeername()[0]
        self.socket = sock
        self.transport: asyncio.Transport | None = None
        self.task: asyncio.Task | None = None
        self.upgraded = False
        self.welcomed = False
        self._came = time.monotonic()
        self._leaves: float | None = None
        self._is_out = False

    async def welcome(self, message_bytes: int) -> None:
        """It has shown a token: from now on it may send larger messages."""
        self.welcomed = True
        while self.transport is None:  # it spoke before it was spoken to
            await asyncio.sleep(0)
        protocol: Any = self.transport.get_protocol()  # uvicorn's, by now
        protocol.conn.max_message_size = message_bytes

    def leave(self) -> None:
        """It is being closed."""
        self._leaves = self._leaves or time.monotonic()

    @property
    def gone(self) -> bool:
        """Whether its socket is closed."""
        return self.socket.fileno() < 0

    @property
    def waits(self) -> bool:
        """Whether it is here without having shown a token."""
        return not (self.welcomed or self.gone or self._is_out)

    def is_overdue(self) -> bool:
        """Whether it has had its time."""
        now = time.monotonic()
        if self.transport is not None and self.transport.is_closing():
            self.leave()
        if self._leaves is not None:
            return now - self._leaves > CLOSING_SECONDS
        return not self.upgraded and now - self._came > UPGRADE_SECONDS

    def put_out(self) -> None:
        """Cut the connection, whatever waits to be sent."""
        self._is_out = True
        if self.transport is not None:
            self.transport.abort()
        elif self.task is not None:
            self.task.cancel()


class Entrance:
    """Accepts connections to one listening socket.

    Args:
        make_protocol: makes what serves a visitor.
        tls: encrypts; None without.
        sessions: clients that may be welcome at a time.
        addresses_differ: whether each person has an address: not behind a proxy.
    """

    def __init__(
        self,
        make_protocol: Callable[[Visitor], asyncio.Protocol],
        tls: ssl.SSLContext | None,
        sessions: int,
        addresses_differ: bool,
    ):
        self._make_protocol = make_protocol
        self._tls = tls
        self._most = min(MOST_VISITORS, max(4, _file_limit() - sessions - SPARE_FILES))
        self._addresses_differ = addresses_differ
        self._visitors: list[Visitor] = []
        self._tasks: list[asyncio.Task] = []

    def open(self, listening: socket.socket) -> None:
        """Let people in from now on."""
        listening.setblocking(False)
        listening.listen(BACKLOG)
        self._tasks = [asyncio.create_task(self._accept(listening)), asyncio.create_task(self._watch())]

    def close(self) -> None:
        """Let nobody in any more."""
        for task in self._tasks:
            task.cancel()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, _ = await loop.sock_accept(listening)
                visitor = Visitor(sock)
            except OSError:  # there are no more files, or the other end is gone already
                log_event("not_accepted")
                await asyncio.sleep(0.1)
                continue
            self._make_room(visitor.address)
            self._visitors.append(visitor)
            visitor.task = asyncio.create_task(self._serve(visitor))
            # It must have begun before it can be put out; and others have their turn.
            await asyncio.sleep(0)

    async def _serve(self, visitor: Visitor) -> None:
        try:
            visitor.socket.setblocking(False)
            # A click's mask must not wait for more bytes to fill a packet.
            visitor.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            visitor.transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._make_protocol(visitor),
                visitor.socket,
                ssl=self._tls,
                ssl_handshake_timeout=UPGRADE_SECONDS if self._tls else None,
            )
        except OSError:  # no TLS was spoken, or not in time
            visitor.socket.close()

    def _make_room(self, address: str) -> None:
        """Put out those who have waited longest, where there are too many: newcomers may be clients."""
        waiting = [one for one in self._visitors if one.waits]
        of_address = [one for one in waiting if one.address == address]
        crowds = [(waiting, self._most)]
        if self._addresses_differ and not ip_address(address.partition("%")[0]).is_loopback:
            crowds.append((of_address, MOST_PER_ADDRESS))
        for crowd, most in crowds:
            for visitor in crowd[: max(0, len(crowd) - most + 1)]:
                log_event("put_out")
                visitor.put_out()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            for visitor in self._visitors:
                if not visitor.gone and visitor.is_overdue():
                    visitor.put_out()
            self._visitors = [visitor for visitor in self._visitors if not visitor.gone]


def _file_limit() -> int:
    """Files and sockets that this process may have open."""
    if os.name != "posix":
        return 512
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 1024)), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
