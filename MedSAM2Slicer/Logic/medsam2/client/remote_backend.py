"""A backend on a server that others run."""

from pathlib import Path
from urllib.parse import urlsplit

from medsam2.loopback import is_loopback

from .backend import BackendState, Listening
from .client_error import ClientError

PATH = "/session"


class RemoteBackend:
    """Knows where a server is and what opens it.

    Args:
        url: ``wss://HOST:PORT``; ``ws://`` only for this computer, such as the end of an SSH tunnel.
        token: from the server's administrator.
        ca_file: PEM file of the authority that signed the server's certificate, if the system does not know
            it.

    Raises:
        ClientError: the address is none, or images would travel unencrypted.
    """

    waits: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0)
    help = ""

    def __init__(self, url: str, token: str, ca_file: str | Path | None = None):
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
            valid = parts.scheme in ("ws", "wss") and host != "" and parts.port != 0
            valid = valid and "#" not in url and bool(host.encode("idna"))
        except ValueError:  # UnicodeError, too: a name such as a..b
            valid = False
        if not valid:
            raise ClientError("bad_input", f"'{url}' is no address of a server: give wss://HOST:PORT.")
        here = is_loopback(host)
        if parts.scheme == "ws" and not here:
            raise ClientError(
                "bad_input", f"Images would travel unencrypted to {host}: give an address with wss://."
            )
        path = parts.path.rstrip("/")
        if not path.endswith(PATH):
            path += PATH
        self.token = token
        self.remote = not here
        self.state: BackendState = Listening(parts._replace(path=path).geturl(), ca_file)

    def start(self) -> None:
        """Nothing to do: others start it."""

    def dismiss(self) -> None:
        """Nothing to do: others use it."""

    def log_tail(self) -> str:
        """Empty: it is others who can read it."""
        return ""

    def stop(self, patience: float = 0.5, keep_log: bool = False) -> None:
        """Nothing to do: others use it."""
