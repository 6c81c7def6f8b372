"""What the head of a request says of its sender: browsers are kept away from what is not meant for them."""

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit


def names_this_computer(headers: Mapping[str, str]) -> bool:
    """Whether ``Host`` is an address or ``localhost``.

    A page that has its own name lead here (DNS rebinding) is taken by a browser to be of the same origin as
    this server, and could read what it answers.
    """
    try:
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        return host == "localhost" or bool(ip_address(host))
    except ValueError:
        return False


def bearer_token(headers: Mapping[str, str]) -> str:
    """The token in ``Authorization: Bearer TOKEN``; empty when there is none."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""
