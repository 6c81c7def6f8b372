"""Those who have no token, or too much of one, keep nobody out, take no memory and fill no log."""

import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import numpy as np
import pytest
from websockets.exceptions import InvalidStatus

from e2e.server_process import ServerProcess, track, volume, wait_for
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.protocol import Cancel, Done, Forget, Hello, PromptRequest, Ready, encode
from unit.client.certificates import self_signed

MIB = 2**20
FILES = 96
HASTE = f"""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({FILES}, {FILES}))
import medsam2.backend.entrance as entrance, medsam2.backend.limits as limits
entrance.UPGRADE_SECONDS = 2.0
entrance.CLOSING_SECONDS = 1.0
limits.SILENCE_SECONDS = 2.0
"""
"""Few files, and quicker to lose patience."""
pytestmark = pytest.mark.skipif(os.name != "posix", reason="The number of files is limited.")


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[ServerProcess]:
    """One for all tests here."""
    server = ServerProcess(tmp_path_factory.mktemp("server"), "--max-message", 2, prepare=HASTE)
    yield server
    server.kill()


@pytest.fixture
def encrypted(tmp_path) -> Iterator[ServerProcess]:
    """The same with TLS."""
    certificate, _ = self_signed(tmp_path)
    files = ("--tls-certificate", certificate, "--tls-key", tmp_path / "key.pem")
    server = ServerProcess(tmp_path, "--host", "0.0.0.0", *files, prepare=HASTE)
    server.tls = ssl.create_default_context(cafile=str(certificate))
    yield server
    server.kill()


def dialled(server: ServerProcess, said: bytes = b"") -> socket.socket:
    """A socket on which something may have been said."""
    sock = socket.create_connection(("127.0.0.1", server.port), 60)
    if said:
        sock.sendall(said)
    return sock


def is_cut(sock: socket.socket) -> bool:
    sock.settimeout(60)
    with suppress(ConnectionError):
        while sock.recv(2**16):
            pass
    return True


HALVES = [b"", b"GET", b"GET /session HTTP/1.1\r\nHost: 127.0.0.1\r\n"]


def test_who_says_nothing_keeps_nobody_out(server):
    lines = len(server.log())
    with ExitStack() as silent:
        for number in range(3 * FILES):
            silent.enter_context(dialled(server, HALVES[number % 3]))
        with server.welcomed() as talk:
            talk.open(volume())
        assert len(server.log()) - lines < 250


@pytest.mark.parametrize("said", HALVES)
def test_half_a_request_is_not_waited_for(server, said):
    with dialled(server, said) as sock:
        started = time.monotonic()
        assert is_cut(sock)
        assert time.monotonic() - started < 30


def test_neither_is_half_a_handshake(encrypted):
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    with ExitStack() as silent:
        socks = [silent.enter_context(dialled(encrypted, hello * (i % 2))) for i in range(FILES)]
        with encrypted.welcomed() as talk:
            talk.open(volume())
        assert all(map(is_cut, socks))


def test_without_a_token_nobody_takes_memory(server):
    head = b"\x82\xff" + (7 * MIB).to_bytes(8, "big") + bytes(4)
    with server.welcomed():
        before = server.memory
    with ExitStack() as opened:
        for _ in range(30):
            talk = opened.enter_context(server.connect())
            with suppress(OSError):  # it closes meanwhile
                talk.socket.socket.sendall(head + bytes(MIB))
            assert talk.closed_with() in (1009, 1006)
    assert server.memory - before < 8 * MIB


UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
PING, EMPTY_PART = b"\x89\x80\0\0\0\0", b"\x00\x80\0\0\0\0"


@pytest.mark.parametrize("frames", [PING, b"\x02\x80\0\0\0\0" + EMPTY_PART])
def test_without_a_token_nobody_keeps_the_server_busy_with_small_frames(server, frames):
    """It is not left to the end of the time for a hello, which would be told."""
    with dialled(server, f"GET /session HTTP/1.1\r\nHost: localhost\r\n{UPGRADE}".encode()) as sock:
        assert b" 101 " in sock.recv(2**12)
        with suppress(ConnectionError):
            sock.sendall(frames + frames[-6:] * 10_000)
        heard = b""
        with suppress(ConnectionError):
            while some := sock.recv(2**16):
                heard += some
        assert b"hello" not in heard


def test_neither_does_anyone_with_a_token(server):
    with server.welcomed() as talk:
        # So many parts as any program makes of a message.
        talk.socket.send(bytes([byte]) for byte in encode(Forget(7, "a" * 900)))
        assert talk.receive().code == "no_volume"
        with suppress(OSError):
            talk.socket.socket.sendall(b"\x02\x80\0\0\0\0" + EMPTY_PART * 10_000)
        assert talk.closed_with() == 1006


def test_who_does_not_read_the_answers_to_pings_takes_no_memory(server):
    ping, cancel = b"\x89\xfd" + bytes(4 + 125), encode(Cancel(5, 4))
    cancel = bytes([0x82, 0x80 | len(cancel)]) + bytes(4) + cancel
    with server.welcomed(max_queue=1) as talk:
        before = server.memory
        talk.socket.socket.settimeout(20)
        with suppress(OSError):
            for _ in range(400):
                talk.socket.socket.sendall(ping * 1000 + cancel)
        assert server.memory - before < 16 * MIB
        talk.socket.socket.close()


def test_a_hello_may_have_four_kibibytes(server):
    with server.connect() as talk:
        assert isinstance(talk.ask(Hello(1, server.tokens["anna"], "x" * 1000))[-1], Ready)
        talk.socket.send(bytes(2 * MIB + 1))
        assert talk.receive().code == "too_large"


def test_one_token_opens_four_sessions(server):
    server.wait_until_alone()
    with ExitStack() as opened:
        for _ in range(4):
            opened.enter_context(server.welcomed())
        with server.connect() as fifth:
            (error,) = fifth.ask(Hello(1, server.tokens["anna"]))
            assert (error.code, "token" in error.message) == ("busy", True)
        opened.enter_context(server.welcomed("bert"))


def test_who_does_not_read_in_a_track_is_gone_after_a_while(server):
    side, painted = 2048, np.random.default_rng(0).random((2048, 2048)) < 0.5
    talk = server.welcomed(max_queue=1)
    talk.open(volume(2, side))
    for index in range(2):
        prompt = Prompt(index, mask=PlacedMask.packed(painted))
        talk.ask(PromptRequest(3, "a", "k", prompt, "slice"))
    talk.send(*(track(100 + number) for number in range(64)))
    with server.welcomed("bert") as quick:
        quick.open(volume())
        quick.prompt()
    server.wait_until_alone()
    assert server.log()[-1]["event"] == "disconnected"
    # Not only its session: its socket too.
    wait_for(lambda: len(os.listdir(f"/proc/{server.process.pid}/fd")) < 40)
    talk.socket.socket.close()


def test_masks_larger_than_the_slice_are_refused_unpacked(server):
    """Each would take 16 MiB."""
    large = Prompt(1, mask=PlacedMask.packed(np.ones((4000, 4000), bool)))
    with server.welcomed() as talk:
        talk.open(volume())
        talk.prompt()
        before = server.memory
        requests = range(10, 130)
        sending = threading.Thread(
            target=lambda: talk.send(*(PromptRequest(id, "a", "k", large) for id in requests))
        )
        sending.start()
        for id in requests:
            *_, error = talk.until_end(id)
            assert error.code == "bad_input"
        sending.join()
        assert server.memory - before < 64 * MIB
        assert talk.ask(track(200))[-1] == Done(200)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1"])
def test_no_page_opens_a_session(server, origin):
    with pytest.raises(InvalidStatus) as caught:
        server.connect(origin=origin)
    assert caught.value.response.status_code == 403


def test_a_page_whose_name_leads_here_reads_nothing(server):
    for path in ("/metrics", "/healthz"):
        with dialled(server) as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".encode())
            assert b" 403 " in sock.makefile("rb").readline()
    for host, status in (("evil.example", b" 403 "), ("localhost", b" 101 "), ("[::1]:8400", b" 101 ")):
        with dialled(server) as sock:
            sock.sendall(f"GET /session HTTP/1.1\r\nHost: {host}\r\n{UPGRADE}".encode())
            assert status in sock.makefile("rb").readline()
    assert server.get("/metrics")[0] == 200


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes.")
def test_no_edit_of_the_token_file_goes_unnoticed(server):
    file = server.token_file
    status = file.stat()
    with server.welcomed("bert") as bert:
        # Of the same size, and with its time put back.
        file.write_text(file.read_text().replace(server.tokens["bert"], "x" * len(server.tokens["bert"])))
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert bert.receive().code == "unauthorised"
    server.write_tokens("anna", "bert")
    with server.welcomed("bert") as bert:
        file.chmod(0o644)
        assert bert.receive().code == "unauthorised"
        file.chmod(0o600)
    with server.welcomed("bert") as bert:
        bert.open(volume())
