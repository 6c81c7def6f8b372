"""From an address to an open WebSocket: TCP, TLS, HTTP upgrade. Blocks; meant for a thread."""

import socket
import ssl
import time
from pathlib import Path

from websockets.client import ClientProtocol as WebSocketProtocol
from websockets.exceptions import InvalidStatus
from websockets.protocol import CONNECTING
from websockets.uri import WebSocketURI, parse_uri

SECONDS = 10.0
"""For each step of connecting."""
LARGEST_ANSWER = 64 * 2**20
"""Bytes of a message from the server."""
SESSION_HEADER = "X-Session-Id"
"""By it a proxy before several servers sends a client that comes again to the one that knows it."""

# Of X509_V_ERR_ in OpenSSL's x509_vfy.h.
_OTHER_NAME = (62, 64)
_OUT_OF_DATE = (9, 10)


class ConnectingError(Exception):
    """There is no connection; the text says why, in one sentence.

    Attributes:
        lasting: trying again would not help.
    """

    def __init__(self, message: str, lasting: bool):
        super().__init__(message)
        self.lasting = lasting


def open_websocket(
    url: str, ca_file: str | Path | None, session: str
) -> tuple[socket.socket, WebSocketProtocol]:
    """A non-blocking socket after the WebSocket's handshake, and the protocol's state.

    Args:
        url: ``ws://`` or ``wss://``.
        ca_file: PEM file of the authorities that signed the server's certificate; the system's when None.
        session: a random name, the same whenever this client connects; no secret.

    Raises:
        ConnectingError: it failed.
    """
    uri = parse_uri(url)
    context = _tls_context(ca_file) if uri.secure else None
    sock = _connect(uri, context)
    try:
        protocol = _upgrade(sock, uri, session)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock, protocol


def _tls_context(ca_file: str | Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConnectingError(
            f"The file of certificate authorities {ca_file} cannot be read: check its name.", True
        ) from error


def _connect(uri: WebSocketURI, context: ssl.SSLContext | None) -> socket.socket:
    sock = None
    try:
        sock = socket.create_connection((uri.host, uri.port), SECONDS)
        # A click must not wait for more bytes to fill a packet.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock if context is None else context.wrap_socket(sock, server_hostname=uri.host)
    except BaseException as error:
        if sock is not None:
            sock.close()
        if isinstance(error, UnicodeError):
            raise ConnectingError(f"The server {uri.host} is not known: check its name.", True) from error
        if isinstance(error, OSError):
            raise _explained(error, uri) from error
        raise


def _upgrade(sock: socket.socket, uri: WebSocketURI, session: str) -> WebSocketProtocol:
    end = time.monotonic() + SECONDS
    protocol = WebSocketProtocol(uri, max_size=LARGEST_ANSWER)
    request = protocol.connect()
    request.headers[SESSION_HEADER] = session
    protocol.send_request(request)
    try:
        for data in protocol.data_to_send():
            sock.sendall(data)
        while protocol.state is CONNECTING and protocol.handshake_exc is None:
            # Not anew for each byte that comes.
            sock.settimeout(max(0.001, end - time.monotonic()))
            if data := sock.recv(2**16):
                protocol.receive_data(data)
            else:
                protocol.receive_eof()
    except OSError as error:
        raise _explained(error, uri) from error
    refusal = protocol.handshake_exc
    if refusal is not None:
        status = refusal.response.status_code if isinstance(refusal, InvalidStatus) else None
        # A server that awaits TLS answers with bytes that are no HTTP, or, as nginx does, with 400.
        perhaps_tls = status in (None, 400) and not uri.secure
        way_out = ", which begins with wss:// where a server has a certificate" if perhaps_tls else ""
        raise ConnectingError(
            f"{_where(uri)} is no MedSAM-2 server{f' (HTTP {status})' if status else ''}: check the "
            f"address{way_out}.",
            # So a proxy speaks while the server behind it is being restarted, or was lost.
            lasting=status is None or status < 500,
        ) from refusal
    return protocol


def _explained(error: OSError, uri: WebSocketURI) -> ConnectingError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return ConnectingError(
            f"The certificate of {_where(uri)} is not trusted ({error.verify_message.rstrip('.')}): "
            f"{_way_to_trust(error.verify_code)}.",
            True,
        )
    if isinstance(error, ssl.SSLError):
        return ConnectingError(
            f"{_where(uri)} does not speak TLS as expected: check the address and its port.", True
        )
    if isinstance(error, socket.gaierror):
        return ConnectingError(f"The server {uri.host} is not known: check its name and the network.", False)
    return ConnectingError(
        f"{_where(uri)} does not answer: check that the server runs and the network reaches it.", False
    )


def _way_to_trust(verify_code: int) -> str:
    """What to do about a certificate for which OpenSSL has this code."""
    if verify_code in _OTHER_NAME:
        return "use an address whose name is in the certificate"
    if verify_code in _OUT_OF_DATE:
        return "ask those who run the server for a new one, and check this computer's clock"
    return "give the file of the authority that signed it, in Slicer's module MedSAM2 or with --ca-file"


def _where(uri: WebSocketURI) -> str:
    return f"{uri.host} port {uri.port}"
