"""Where a server listens, and whether it may. Imports no torch, so that a refusal is quick."""

import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from medsam2.errors import InputError
from medsam2.loopback import is_loopback


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
            InputError: no TLS beyond this computer, or its files are missing or no good.
        """
        if (self.certificate is None) != (self.key is None):
            raise InputError("TLS needs two files: give both --tls-certificate and --tls-key.")
        for path in filter(None, (self.certificate, self.key)):
            if not path.is_file():
                raise InputError(f"The TLS file {path} does not exist: check its name.")
        if self.certificate is not None:
            _check_tls(self.certificate, self.key)
        if self.certificate is None and not self.behind_proxy and not is_loopback(self.host):
            raise InputError(
                f"The address {self.host} can be reached from other computers, so images would travel "
                "unencrypted: give --tls-certificate and --tls-key, or --insecure-behind-proxy."
            )

    def listen(self) -> socket.socket:
        """A socket that is bound to the address.

        Raises:
            InputError: there is none.
        """
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        # asyncio sends small messages at once (TCP_NODELAY) only where the protocol is named.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((self.host, self.port))
        except (OSError, UnicodeError) as error:
            listening.close()
            raise InputError(
                f"{self.host} port {self.port} cannot be listened on: choose another --host or --port."
            ) from error
        listening.set_inheritable(True)
        return listening


def _check_tls(certificate: Path, key: Path | None) -> None:
    try:
        # Without the password given here a locked key would be asked for on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ssl.SSLError) as error:
        raise InputError(
            "The TLS files are not a PEM certificate with its own key, without password: check them."
        ) from error
