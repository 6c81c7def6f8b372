"""Which addresses never leave this computer: for whom a server listens, and where a client needs no TLS."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether only this computer reaches an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
