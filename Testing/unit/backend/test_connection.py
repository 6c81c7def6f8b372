"""One client's socket: who is let in, who is read, and how it ends whatever the client does."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest
from starlette.websockets import WebSocketDisconnect

from medsam2.backend import connection as connection_module
from medsam2.backend.app import make_app
from medsam2.backend.connection import Connection
from medsam2.backend.jobs import Job
from medsam2.backend.limits import ServerLimits
from medsam2.backend.service import Service
from medsam2.backend.tokens import OneToken
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.protocol import (
    Chunk,
    Close,
    Done,
    Error,
    Forget,
    Hello,
    Message,
    OpenVolume,
    Progress,
    PromptRequest,
    Ready,
    decode,
    encode,
)
from unit.backend.examples import BALL, STEP_SECONDS, in_loop
from unit.tracking.oracle_network import OracleNetwork

TOKEN = "a-token-of-some-length"
VOXELS = BALL.astype(np.int16)
OPEN = OpenVolume(2, "upload", VOXELS.shape, "int16", (1.0, 1.0, 1.0), window=(0.0, 1.0))
VOLUME = (OPEN, Chunk(2, 0, VOXELS.tobytes()))
PROMPT = PromptRequest(3, "a", "k", Prompt(6, ((18.0, 22.0, True),)))


class FakeSocket:
    """What Starlette gives a connection; the test is the client."""

    def __init__(self):
        self.coming: asyncio.Queue[dict] = asyncio.Queue()
        self.sent: list[Message] = []
        self.code: int | None = None
        self.reads = asyncio.Event()
        self.reads.set()
        self.broken = False

    async def accept(self) -> None:
        pass

    async def receive(self) -> dict:
        return await self.coming.get()

    async def send_bytes(self, data: bytes) -> None:
        await self.reads.wait()
        if self.broken:
            raise WebSocketDisconnect(1006)
        self.sent.append(decode(data))

    async def close(self, code: int) -> None:
        await self.reads.wait()
        self.code = code

    def say(self, *messages: Message) -> None:
        for message in messages:
            self.coming.put_nowait({"type": "websocket.receive", "bytes": encode(message)})

    def hang_up(self) -> None:
        self.coming.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            await asyncio.sleep(0.002)

    async def ended(self, id: int) -> Message:
        """The message that ends a request."""
        ends = lambda: [one for one in self.sent if isinstance(one, Done | Error) and one.id == id]  # noqa: E731
        await self.until(ends)
        return ends()[0]


class Served:
    """A service and one connection to it."""

    def __init__(self, **limits):
        options = {"memory_bytes": 2**30, "feature_bytes": 2**20, **limits}
        self.tokens = OneToken(TOKEN)
        self.service = Service(OracleNetwork(), None, "oracle", self, ServerLimits(**options))
        self.socket = FakeSocket()
        self.connection = Connection(self.socket, self.service)
        self.running = asyncio.create_task(self.connection.run())

    def name_of(self, token: str) -> str | None:
        return self.tokens.name_of(token)


@asynccontextmanager
async def served(hello: bool = True, **limits):
    served = Served(**limits)
    if hello:
        served.socket.say(Hello(1, TOKEN))
        await served.socket.until(lambda: served.socket.sent)
        assert isinstance(served.socket.sent[0], Ready)
    yield served
    served.socket.reads.set()
    served.socket.hang_up()
    await served.running
    assert not served.service.connections
    served.service.worker.stop()


@in_loop
async def test_a_session_answers_and_is_forgotten():
    async with served() as it:
        it.socket.say(*VOLUME, PROMPT)
        assert await it.socket.ended(3) == Done(3)
        it.socket.hang_up()
        await it.running
        await it.socket.until(lambda: it.service.worker.waiting_jobs() == 0)
    assert it.connection._client.workspace._opened is None


@in_loop
async def test_who_does_not_say_hello_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(connection_module, "HELLO_SECONDS", 0.02)
    async with served(hello=False) as it:
        await it.running
    (error,) = it.socket.sent
    assert error.code == "not_ready"
    assert it.socket.code == 1001


@in_loop
async def test_a_hello_that_is_too_large_is_refused_whoever_accepted_the_connection():
    async with served(hello=False) as it:
        it.socket.say(Hello(1, TOKEN, "x" * 4096))
        await it.running
    (error,) = it.socket.sent
    assert error.code == "too_large"


@in_loop
async def test_who_takes_no_answers_is_not_read_and_then_gets_them_all(monkeypatch):
    monkeypatch.setattr("medsam2.backend.send_queue.FULL_BYTES", 2000)
    async with served() as it:
        it.socket.reads.clear()
        it.socket.say(*(Hello(id, TOKEN) for id in range(100, 200)))
        await it.socket.until(lambda: it.connection._send_queue.full)
        await asyncio.sleep(0.1)
        assert it.socket.coming.qsize() > 50
        it.socket.reads.set()
        for id in range(100, 200):
            assert (await it.socket.ended(id)).code == "unknown_type"


@in_loop
async def test_who_asks_faster_than_it_is_answered_is_not_read(monkeypatch):
    monkeypatch.setattr(connection_module, "MOST_JOBS", 3)
    async with served() as it:
        gate = asyncio.Event()
        loop = asyncio.get_running_loop()

        def slow(request):
            asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()
            yield Done(request.id)

        it.connection._client.workspace.steps = slow
        it.socket.say(*(Forget(id, "a") for id in range(100, 110)))
        await it.socket.until(lambda: it.connection._client.waiting == 3)
        await asyncio.sleep(0.1)
        assert it.connection._client.waiting == 3
        assert it.socket.coming.qsize() == 7
        gate.set()
        for id in range(100, 110):
            assert await it.socket.ended(id) == Done(id)


@in_loop
async def test_a_socket_that_cannot_be_written_to_ends_the_session():
    async with served() as it:
        it.socket.broken = True
        it.socket.say(Forget(5, "a"))
        await it.running
        assert not it.service.connections


@in_loop
async def test_a_fault_of_our_own_is_an_error_and_the_session_lives(monkeypatch):
    async with served() as it:
        monkeypatch.setattr("medsam2.backend.uploading.Uploading.open", lambda *_: 1 / 0)
        it.socket.say(OPEN)
        assert (await it.socket.ended(2)).code == "internal"
        monkeypatch.undo()
        it.socket.say(*VOLUME, PROMPT)
        assert await it.socket.ended(3) == Done(3)


@in_loop
async def test_an_idle_session_expires_once():
    async with served(idle_seconds=10) as it:
        it.connection.check()
        assert not it.connection._goodbye.done()
        it.connection._used -= 11
        for _ in range(3):
            it.connection.check()
        await it.running
    assert [message.code for message in it.socket.sent[1:]] == ["expired"]
    assert it.socket.code == 1001


@in_loop
async def test_a_session_that_computes_is_not_idle_nor_is_it_right_after():
    async with served(idle_seconds=10) as it:
        it.connection._client.tracking.append(object())
        it.connection._used -= 11
        it.connection.check()
        it.connection._client.tracking.clear()
        it.connection.check()
        assert not it.connection._goodbye.done()


@in_loop
async def test_a_revoked_token_ends_the_session():
    async with served() as it:
        it.tokens = OneToken("another-token-of-some-length")
        it.connection.check()
        await it.running
    assert it.socket.sent[-1].code == "unauthorised"
    assert it.socket.code == 1008


@in_loop
async def test_a_client_that_does_not_read_is_not_waited_for_at_the_end(monkeypatch):
    monkeypatch.setattr(connection_module, "PARTING_SECONDS", 0.05)
    async with served() as it:
        it.socket.reads.clear()
        it.connection.end(Error(0, "shutting_down", "The server is being stopped."))
        await it.running
        assert not it.service.connections


@in_loop
async def test_who_is_leaving_keeps_no_place_from_the_next_client():
    async with served(sessions=1, sessions_per_token=1) as it:
        it.socket.reads.clear()
        it.connection.end(Done(2))
        socket = FakeSocket()
        socket.say(Hello(1, TOKEN))
        running = asyncio.create_task(Connection(socket, it.service).run())
        await socket.until(lambda: socket.sent)
        assert isinstance(socket.sent[0], Ready)
        socket.hang_up()
        await running


@in_loop
async def test_draining_tells_everyone_and_returns():
    async with served() as it:
        it.socket.say(OPEN)
        await it.socket.until(lambda: Progress(2, 0, VOXELS.nbytes) in it.socket.sent)
        await it.service.drain()
        assert it.socket.sent[-2] == Progress(2, 0, VOXELS.nbytes)
        assert it.socket.sent[-1].code == "shutting_down"
        assert it.service.worker.stopped


@in_loop
async def test_while_stopping_nobody_is_let_in():
    async with served(hello=False) as it:
        it.service.stopping = True
        it.socket.say(Hello(1, TOKEN))
        await it.running
    assert it.socket.sent[-1].code == "shutting_down"
    assert it.socket.sent[-1].hint


@pytest.mark.parametrize(
    ("goodbye", "kept"),
    [
        (None, True),
        (Error(0, "expired", ""), True),
        (Error(0, "shutting_down", ""), True),
        (Error(0, "unauthorised", ""), False),
        (Close(9), False),
    ],
)
@in_loop
async def test_an_upload_is_kept_for_those_who_may_come_back(goodbye, kept):
    async with served() as it:
        it.socket.say(OPEN, Chunk(2, 0, VOXELS.tobytes()[:100]))
        await it.socket.until(lambda: it.connection.admission.uploading._upload and it.socket.coming.empty())
        await asyncio.sleep(0.01)
        if goodbye is None:
            it.socket.hang_up()
        elif isinstance(goodbye, Close):
            it.socket.say(goodbye)
        else:
            it.connection.end(goodbye)
        await it.running
        upload = it.service.parked_uploads.take("local", OPEN)
        assert (upload is not None and upload.received == 100) is kept


@in_loop
async def test_large_requests_wait_at_the_client_not_here(monkeypatch):
    monkeypatch.setattr(connection_module, "MOST_BYTES", 1000)
    mask = PlacedMask.packed(np.ones((60, 60), bool))  # 450 bytes, and 3,600 unpacked
    async with served() as it:
        it.socket.say(*VOLUME)
        await it.socket.ended(2)
        release = threading.Event()

        def steps():
            release.wait(STEP_SECONDS)
            yield from ()

        it.service.worker.submit(it.connection._client, Job(0, "hold", steps, urgent=True, answered=False))
        it.socket.say(*(PromptRequest(10 + number, "a", "k", Prompt(6, mask=mask)) for number in range(10)))
        await asyncio.sleep(0.1)
        assert it.socket.coming.qsize() >= 6
        release.set()
        for number in range(10):
            assert (await it.socket.ended(10 + number)).code == "bad_input"


@pytest.mark.parametrize(
    ("client", "headers", "status"),
    [
        ("127.0.0.1", {"host": "127.0.0.1:1"}, 200),
        ("127.0.0.1", {"host": "evil.example"}, 403),
        ("10.0.0.9", {"host": "127.0.0.1:1"}, 403),
        ("10.0.0.9", {"host": "127.0.0.1:1", "authorization": "Bearer wrong"}, 403),
        ("10.0.0.9", {"host": "medsam2.example.org", "authorization": f"Bearer {TOKEN}"}, 200),
    ],
)
@in_loop
async def test_numbers_are_for_this_computer_and_those_with_a_token(client, headers, status):
    async with served() as it:
        answers = []
        scope = {"type": "http", "method": "GET", "path": "/metrics", "client": (client, 1)}
        scope["headers"] = [(name.encode(), value.encode()) for name, value in headers.items()]

        async def send(message: dict) -> None:
            answers.append(message)

        await make_app(it.service)(scope, None, send)
        assert answers[0]["status"] == status
