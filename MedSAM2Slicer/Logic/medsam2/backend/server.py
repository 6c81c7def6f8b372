"""uvicorn around the application: sockets, TLS, signals, and the life of a backend that a client started."""

import asyncio
import json
import os
import socket
import sys
import threading
import time
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import uvicorn

from medsam2.errors import InputError

from .app import make_app
from .log import log_event
from .service import Service

LARGER = 4
"""Messages up to so many times the limit are read, and answered with an error; larger ones close the
connection (WebSocket code 1009)."""
ORPHAN_SECONDS = 1.5


@dataclass(frozen=True)
class Address:
    """Where to listen, and with which certificate."""

    host: str = "127.0.0.1"
    port: int = 0
    certificate: Path | None = None
    key: Path | None = None
    behind_proxy: bool = False

    def check(self) -> None:
        """Refuse to be reached from other computers without encryption.

        Raises:
            InputError: no TLS beyond this computer, or its files are missing.
        """
        if (self.certificate is None) != (self.key is None):
            raise InputError("TLS needs two files: give both --tls-certificate and --tls-key.")
        for path in filter(None, (self.certificate, self.key)):
            if not path.is_file():
                raise InputError(f"The TLS file {path} does not exist: check its name.")
        if self.certificate is None and not self.behind_proxy and not is_loopback(self.host):
            raise InputError(
                f"The address {self.host} can be reached from other computers, so images would travel "
                "unencrypted: give --tls-certificate and --tls-key, or --insecure-behind-proxy."
            )


def is_loopback(host: str) -> bool:
    """Whether only this computer reaches an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Server(uvicorn.Server):
    """uvicorn, but SIGTERM first finishes the slice being computed and tells the clients."""

    def __init__(self, service: Service, address: Address):
        self._service = service
        self._draining: asyncio.Future | None = None
        super().__init__(
            uvicorn.Config(
                make_app(service),
                ws_max_size=LARGER * service.limits.message_bytes,
                ws_per_message_deflate=False,
                log_config=None,
                access_log=False,
                server_header=False,
                ssl_certfile=address.certificate,
                ssl_keyfile=address.key,
                timeout_graceful_shutdown=5,
            )
        )

    def handle_exit(self, sig: int, frame) -> None:
        """Called by uvicorn for SIGTERM and SIGINT; a second one ends it at once."""
        if self._draining is not None:
            self.should_exit = self.force_exit = True
            return
        self.stop()

    def stop(self) -> None:
        """Begin a graceful end, from any thread."""
        self._loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        log_event("stopping")
        self._draining = asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        await self._service.drain()
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so on standard output: ``{"port": …}``."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        port = sockets[0].getsockname()[1]
        log_event("listening", port=port)
        print(json.dumps({"port": port}), flush=True)


def serve_until_stopped(service: Service, address: Address, ends_with_stdin: bool = False) -> None:
    """Serve until SIGTERM, Ctrl+C, or, where asked for, the end of standard input.

    Raises:
        InputError: the address cannot be listened on.
    """
    address.check()
    listening = _listen(address)
    server = Server(service, address)
    if ends_with_stdin:
        threading.Thread(target=_end_with_stdin, args=(server,), daemon=True).start()
    server.run(sockets=[listening])


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family)
    if os.name == "posix":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address.host, address.port))
    except OSError as error:
        listening.close()
        raise InputError(
            f"{address.host} port {address.port} cannot be listened on: choose another --host or --port."
        ) from error
    listening.set_inheritable(True)
    return listening


def _end_with_stdin(server: Server) -> None:
    """The client that started this process is gone when its end of the pipe closes: nobody must wait."""
    sys.stdin.buffer.read()
    server.stop()
    time.sleep(ORPHAN_SECONDS)
    os._exit(0)
