"""A link to a real WebSocket server on loopback."""

import http
import queue
import socket
import threading
import time
from collections import deque
from contextlib import suppress

import numpy as np
import pytest
from websockets.server import ServerProtocol
from websockets.sync.server import ServerConnection, serve

from medsam2.client import connecting
from medsam2.client.link import PING_SECONDS, PONG_SECONDS, Link, LinkState
from unit.client.certificates import self_signed
from unit.client.scripted_server import cut, serving

SECONDS = 20.0
"""Nothing here takes so long."""


class Ends:
    """Sends what is queued and gathers what arrives."""

    def __init__(self, link: Link):
        self.link = link
        self.queue: deque[bytes] = deque()
        self.moves = self.still = 0
        self.received: list[bytes] = []

    def next_message(self) -> bytes | None:
        return self.queue.popleft() if self.queue else None

    def run(self, until) -> None:
        deadline = time.monotonic() + SECONDS
        while not until():
            assert time.monotonic() < deadline, self.link.reason
            self.received += self.link.exchange(self.next_message)
            self.moves += self.link.moved
            self.still = 0 if self.link.moved else self.still + 1
            if self.still:
                self.link.wait(0.1)

    def run_to_open(self) -> None:
        self.run(lambda: self.link.state is not LinkState.CONNECTING)
        assert self.link.state is LinkState.OPEN, self.link.reason

    def run_to_close(self) -> str:
        self.run(lambda: self.link.state is LinkState.CLOSED)
        return self.link.reason


@pytest.fixture
def link_to():
    """Make links that are closed at the end."""
    links = []

    def make(*args, **kwargs) -> Ends:
        links.append(Link(*args, **kwargs))
        return Ends(links[-1])

    yield make
    for link in links:
        link.close()


def echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


def random_bytes(size: int) -> bytes:
    return np.random.default_rng(size).bytes(size)


def test_messages_go_both_ways_whole_and_in_order(link_to):
    messages = [random_bytes(size) for size in (0, 1, 125, 126, 65_535, 65_536, 3_000_000, 7)]
    with serving(echo) as url:
        ends = link_to(url)
        ends.queue.extend(messages)
        ends.run(lambda: len(ends.received) == len(messages))
        ends.link.close()
    assert ends.received == messages


def test_fragments_are_joined_and_pings_in_between_are_answered(link_to):
    parts = [b"one ", random_bytes(70_000), b" three"]
    answered = threading.Event()

    def handler(connection: ServerConnection) -> None:
        def fragments():
            yield parts[0]
            pong = connection.ping()
            yield from parts[1:]
            assert pong.wait(SECONDS)
            answered.set()

        connection.send(fragments())
        connection.recv()

    with serving(handler) as url:
        ends = link_to(url)
        ends.run(lambda: ends.received and answered.is_set())
        ends.queue.append(b"enough")
        ends.run_to_close()
    assert ends.received == [b"".join(parts)]


def test_a_slow_reader_does_not_block_the_sender(link_to):
    reading = threading.Event()

    def handler(connection: ServerConnection) -> None:
        reading.wait(SECONDS)
        for _ in range(100):
            assert len(connection.recv()) == 2**20
        connection.send(b"all")
        connection.recv()

    with serving(handler) as url:
        ends = link_to(url)
        ends.run_to_open()
        ends.queue.extend(bytes(2**20) for _ in range(100))
        # The system's buffers fill, then nothing more is asked for, and nothing blocks.
        ends.run(lambda: ends.still == 5)
        assert ends.queue
        reading.set()
        ends.run(lambda: ends.received == [b"all"])
        ends.link.close()


def test_a_server_that_closes_is_quoted(link_to):
    def handler(connection: ServerConnection) -> None:
        connection.send(b"last word")
        connection.close(1001, "maintenance")

    with serving(handler) as url:
        ends = link_to(url)
        assert "maintenance" in ends.run_to_close()
    assert ends.received == [b"last word"]
    assert not ends.link.lasting


def test_a_cut_connection_is_noticed_and_what_came_before_is_kept(link_to):
    def handler(connection: ServerConnection) -> None:
        connection.send(b"last word")
        cut(connection)

    with serving(handler) as url:
        ends = link_to(url)
        ends.queue.append(bytes(100))
        assert "cut" in ends.run_to_close()
    assert ends.received == [b"last word"]
    assert ends.link.was_open


def test_closing_tells_the_server(link_to):
    codes = queue.Queue()

    def handler(connection: ServerConnection) -> None:
        for _ in connection:
            pass
        codes.put(connection.protocol.close_rcvd.code)

    with serving(handler) as url:
        ends = link_to(url)
        ends.run_to_open()
        ends.link.close()
        assert ends.link.exchange(ends.next_message) == []
        assert codes.get(timeout=SECONDS) == 1000


def test_a_silent_server_is_asked_and_then_given_up(link_to):
    now = [0.0]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        mute = threading.Thread(target=_greet, args=(listening,))
        mute.start()
        ends = link_to(f"ws://localhost:{port}/session", clock=lambda: now[0])
        ends.run_to_open()
        for step in (PING_SECONDS + 1, PONG_SECONDS - 1):
            now[0] += step
            ends.link.exchange(ends.next_message)
            assert ends.link.state is LinkState.OPEN
        now[0] += 2
        assert "does not answer" in ends.run_to_close()
        mute.join()


def test_messages_that_come_with_the_greeting_are_not_lost(link_to):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        hasty = threading.Thread(target=_greet, args=(listening, b"one", b"two"))
        hasty.start()
        ends = link_to(f"ws://localhost:{listening.getsockname()[1]}/session")
        ends.run(lambda: len(ends.received) == 2)
        ends.link.close()
        hasty.join()
    assert ends.received == [b"one", b"two"]


def _greet(listening: socket.socket, *messages: bytes) -> None:
    """Upgrade to a WebSocket, send messages in the same packet, and say nothing any more."""
    connection, _ = listening.accept()
    with connection:
        protocol = ServerProtocol()
        request = []
        while not request:
            protocol.receive_data(connection.recv(4096))
            request = protocol.events_received()
        protocol.send_response(protocol.accept(request[0]))
        for message in messages:
            protocol.send_binary(message)
        connection.sendall(b"".join(protocol.data_to_send()))
        while connection.recv(4096):
            pass


def test_an_answered_ping_keeps_the_link(link_to):
    now = [0.0]
    with serving(echo) as url:
        ends = link_to(url, clock=lambda: now[0])
        ends.run_to_open()
        for _ in range(5):
            now[0] += PING_SECONDS + 1
            target = ends.moves + 2  # the ping, its answer
            ends.run(lambda target=target: ends.moves == target)
        assert ends.link.state is LinkState.OPEN
        ends.link.close()


def test_nobody_listens(link_to):
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    ends = link_to(f"ws://127.0.0.1:{port}/session")
    assert ends.run_to_close() == (
        f"127.0.0.1 port {port} does not answer: check that the server runs and the network reaches it."
    )
    assert not ends.link.lasting
    assert not ends.link.was_open


@pytest.mark.parametrize(("status", "lasting"), [(404, True), (403, True), (500, False), (503, False)])
def test_a_refusal_by_http_lasts_unless_a_proxy_has_lost_its_server(link_to, status, lasting):
    def refuse(connection, request):
        return connection.respond(http.HTTPStatus(status), "nothing here")

    with serve(echo, "127.0.0.1", 0, process_request=refuse) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        ends = link_to(f"ws://localhost:{server.socket.getsockname()[1]}/session")
        assert f"HTTP {status}" in ends.run_to_close()
        server.shutdown()
        thread.join()
    assert ends.link.lasting is lasting


def test_a_server_that_never_ends_its_greeting(link_to, monkeypatch):
    monkeypatch.setattr(connecting, "SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ends = link_to(f"ws://localhost:{listening.getsockname()[1]}/session")
        sock, _ = listening.accept()
        with sock, suppress(OSError):
            sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nA: ")
            started = time.monotonic()
            while ends.link.state is LinkState.CONNECTING and time.monotonic() - started < SECONDS:
                sock.sendall(b"b")
                time.sleep(0.1)
        assert "does not answer" in ends.run_to_close()


def test_closing_while_connecting(link_to):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ends = link_to(f"ws://localhost:{listening.getsockname()[1]}/session")
        ends.link.close()
        assert ends.link.state is LinkState.CLOSED


def test_tls_with_the_authority_s_file(link_to, tmp_path):
    certificate, context = self_signed(tmp_path)
    messages = [random_bytes(size) for size in (10, 3_000_000, 200)]
    with serving(echo, context) as url:
        ends = link_to(url, certificate)
        ends.queue.extend(messages)
        ends.run(lambda: len(ends.received) == len(messages))
        ends.link.close()
    assert ends.received == messages


def test_tls_without_it_is_refused(link_to, tmp_path):
    _, context = self_signed(tmp_path)
    with serving(echo, context) as url:
        ends = link_to(url)
        reason = ends.run_to_close()
    assert "not trusted" in reason
    assert "authority" in reason
    assert "--ca-file" in reason
    assert ends.link.lasting


def test_a_certificate_for_another_name_is_no_question_of_its_authority(link_to, tmp_path):
    certificate, context = self_signed(tmp_path)
    with serving(echo, context) as url:
        reason = link_to(url.replace("localhost", "127.0.0.1"), certificate).run_to_close()
    assert "use an address whose name is in the certificate" in reason
    assert "authority" not in reason


@pytest.mark.parametrize("answer", [b"\x15\x03\x01\x00\x02\x02\x46", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_no_tls_where_the_server_awaits_it(link_to, answer):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ends = link_to(f"ws://localhost:{listening.getsockname()[1]}/session")
        sock, _ = listening.accept()
        with sock:
            sock.recv(2**16)
            sock.sendall(answer)
        assert "begins with wss://" in ends.run_to_close()
    assert ends.link.lasting


def test_a_missing_authority_s_file(link_to, tmp_path):
    ends = link_to("wss://localhost:1/session", tmp_path / "none.pem")
    assert "none.pem" in ends.run_to_close()
    assert ends.link.lasting


def test_tls_expected_where_there_is_none(link_to):
    with serving(echo) as url:
        ends = link_to(url.replace("ws://", "wss://"))
        assert "TLS" in ends.run_to_close()
    assert ends.link.lasting


@pytest.mark.parametrize(
    "url",
    [
        "wss://a..b/",
        "ws://.example.org",
        f"ws://{'x' * 64}.org",
        "ws://localhost:1/#here",
        "http://a",
        "ws://",
    ],
)
def test_no_address_keeps_anyone_waiting(link_to, url):
    ends = link_to(url)
    assert ends.run_to_close()
    assert ends.link.lasting
