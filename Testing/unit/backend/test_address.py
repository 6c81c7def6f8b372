"""Where a server may listen."""

import socket

import pytest

from medsam2.backend.address import Address
from medsam2.errors import InputError
from medsam2.loopback import is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "::1"])
def test_this_computers_own_addresses_need_no_tls(host):
    assert is_loopback(host)
    Address(host).check()


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "192.168.1.5", "fe80::1", "", "0", "server.example.org", "localhost.example.org"],
)
def test_others_are_refused_without_tls(host):
    assert not is_loopback(host)
    with pytest.raises(InputError, match=r"--tls-certificate and --tls-key, or --insecure-behind-proxy"):
        Address(host).check()
    Address(host, behind_proxy=True).check()


def test_tls_needs_both_files(tmp_path):
    file = tmp_path / "file.pem"
    file.write_text("nothing")
    for files in ({"certificate": file}, {"key": file}):
        with pytest.raises(InputError, match="both"):
            Address("0.0.0.0", **files).check()


def test_tls_files_must_exist(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        Address("0.0.0.0", 0, tmp_path / "a.pem", tmp_path / "b.pem").check()


def test_tls_files_must_be_pem(tmp_path):
    for name in ("a.pem", "b.pem"):
        (tmp_path / name).write_text("no certificate")
    with pytest.raises(InputError, match="PEM"):
        Address("0.0.0.0", 0, tmp_path / "a.pem", tmp_path / "b.pem").check()


def test_a_free_port_is_found():
    with Address("127.0.0.1", 0).listen() as listening:
        assert listening.getsockname()[1] > 0
        # Else asyncio lets small answers wait 40 ms for company.
        assert listening.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize("host", ["999.1.1.1", "x" * 300, "192.0.2.1"])
def test_an_address_that_is_not_here_is_refused(host):
    with pytest.raises(InputError, match="choose another --host or --port"):
        Address(host, 0, behind_proxy=True).listen()


def test_a_port_that_is_taken_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(InputError, match="choose another"):
        Address("127.0.0.1", other.getsockname()[1]).listen()
