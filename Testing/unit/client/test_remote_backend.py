"""Addresses of servers."""

import pytest

from medsam2.client import ClientError, RemoteBackend, connect
from medsam2.client.backend import Listening


@pytest.mark.parametrize(
    ("given", "url", "remote"),
    [
        ("wss://server.example", "wss://server.example/session", True),
        ("wss://server.example:8443/", "wss://server.example:8443/session", True),
        ("wss://server.example/medsam2", "wss://server.example/medsam2/session", True),
        ("wss://server.example/session", "wss://server.example/session", True),
        ("ws://localhost:8000", "ws://localhost:8000/session", False),
        ("ws://127.0.0.2:8000", "ws://127.0.0.2:8000/session", False),
        ("ws://[::1]:8000", "ws://[::1]:8000/session", False),
        ("wss://127.0.0.1:8443", "wss://127.0.0.1:8443/session", False),
    ],
)
def test_addresses(given, url, remote):
    backend = RemoteBackend(given, "secret", "authority.pem")
    assert backend.state == Listening(url, "authority.pem")
    assert (backend.remote, backend.token) == (remote, "secret")


@pytest.mark.parametrize("url", ["ws://server.example:8000", "ws://192.168.1.4", "ws://localhost.example"])
def test_images_never_travel_unencrypted(url):
    with pytest.raises(ClientError, match="unencrypted") as caught:
        connect(url, "secret")
    assert "wss://" in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        *("", "server.example", "https://server.example", "wss://", "wss://a:b", "wss://[x"),
        *("wss://a..b/", "wss://.example.org", f"wss://{'x' * 64}.org", "wss://a.org/#here", "wss://a.org/#"),
    ],
)
def test_what_is_no_address(url):
    with pytest.raises(ClientError, match="no address"):
        RemoteBackend(url, "secret")
