"""uvicorn around the application: sockets, signals and a graceful end."""

import asyncio
import json
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn

from .address import Address
from .app import make_app
from .entrance import FIRST_BYTES, Entrance, Visitor
from .limits import SILENCE_SECONDS
from .log import log_event, log_libraries
from .service import Service
from .websocket import WebSocketProtocol

PING_SECONDS = 20.0


class Server(uvicorn.Server):
    """uvicorn, but SIGTERM first finishes the slice being computed and tells the clients.

    Args:
        pings: whether clients that are gone without a word are to be found out.
    """

    def __init__(self, service: Service, address: Address, pings: bool):
        self._service = service
        self._draining: asyncio.Task | None = None
        proxied = address.certificate is not None or address.behind_proxy
        self._addresses_differ = not address.behind_proxy
        super().__init__(
            uvicorn.Config(
                make_app(service, any_host=proxied),
                # The socket's own class and its closing are looked at.
                loop="asyncio",
                http="h11",
                ws=WebSocketProtocol,
                ws_max_size=FIRST_BYTES,
                ws_per_message_deflate=False,
                ws_ping_interval=PING_SECONDS if pings else None,
                ws_ping_timeout=SILENCE_SECONDS if pings else None,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ssl_certfile=address.certificate,
                ssl_keyfile=address.key,
                timeout_graceful_shutdown=5,
            )
        )

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal comes."""
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by uvicorn for SIGTERM and SIGINT; a second one ends it without waiting for clients."""
        self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        if self._draining is not None:
            self.should_exit = self.force_exit = True
            return
        log_event("stopping")
        self._draining = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        try:
            await self._service.drain()
        finally:
            self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so on standard output: ``{"port": …}``."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(uvicorn.config.STARTUP_FAILURE)
        self.servers = []
        self._entrance = Entrance(
            self._protocol, self.config.ssl, self._service.limits.sessions, self._addresses_differ
        )
        assert sockets is not None
        (listening,) = sockets
        self._entrance.open(listening)
        self.started = True
        port = listening.getsockname()[1]
        log_event("listening", port=port)
        print(json.dumps({"port": port}), flush=True)

    def _protocol(self, visitor: Visitor) -> asyncio.Protocol:
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(
            config=self.config,
            server_state=self.server_state,
            app_state={**self.lifespan.state, "visitor": visitor},
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let nobody in any more, and close what is open."""
        self._entrance.close()
        await super().shutdown(sockets)


def serve_until_stopped(service: Service, address: Address, pings: bool = True) -> None:
    """Serve until SIGTERM or Ctrl+C.

    Raises:
        InputError: the address cannot be listened on.
    """
    address.check()
    log_libraries()
    Server(service, address, pings).run(sockets=[address.listen()])
