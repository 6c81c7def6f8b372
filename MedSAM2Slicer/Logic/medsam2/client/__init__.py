"""Start or reach a backend, send, stream; imports no torch.

``ClientProtocol`` is without I/O, ``Link`` a WebSocket that never blocks. ``PolledClient`` joins them
for Slicer's timer; ``BlockingClient`` waits for answers.
"""

from pathlib import Path

from .blocking_client import BlockingClient
from .client_error import ClientError
from .local_backend import LocalBackend
from .polled_client import ClientState, PolledClient
from .remote_backend import RemoteBackend

__all__ = [
    "BlockingClient",
    "ClientError",
    "ClientState",
    "LocalBackend",
    "PolledClient",
    "RemoteBackend",
    "connect",
]


def connect(url: str, token: str, ca_file: str | Path | None = None) -> BlockingClient:
    """A client of a server, for a ``with`` statement.

    Args:
        url: ``wss://HOST:PORT``; ``ws://`` only for this computer.
        token: from the server's administrator.
        ca_file: PEM file of the authority that signed the server's certificate, if the system does not know
            it.

    Raises:
        ClientError: the address is none, or images would travel unencrypted.
    """
    return BlockingClient(RemoteBackend(url, token, ca_file))
