"""One client's WebSocket: messages in become jobs, answers go out."""

import asyncio
import contextlib
import secrets
import time
from dataclasses import dataclass
from functools import partial

from starlette.websockets import WebSocket, WebSocketDisconnect

from medsam2.protocol import (
    Cancel,
    Chunk,
    Close,
    Done,
    Error,
    Forget,
    Hello,
    Message,
    OpenVolume,
    PromptRequest,
    Propagate,
    ProtocolError,
    SliceShown,
    decode,
)

from .entrance import FIRST_BYTES, Visitor
from .failures import HINTS, failure
from .jobs import Client, Job
from .log import log_event
from .send_queue import SendQueue
from .service import Service
from .uploading import Uploading

HELLO_SECONDS = 10.0
PARTING_SECONDS = 3.0
MOST_JOBS, MOST_BYTES = 256, 16 * 2**20
"""A client with so many requests waiting, or such large ones, is not read until some are answered."""
LARGER = 4
"""Messages up to so many times the limit are read, and answered with an error; larger ones close the
connection (WebSocket code 1009)."""
CLIENT_LETTERS = 60
NORMAL, GOING_AWAY, REFUSED = 1000, 1001, 1008


@dataclass(frozen=True)
class Admission:
    """What a client is once its hello was accepted.

    Attributes:
        token: that it showed.
        owner: the token's name.
        uploading: receives its volumes.
    """

    token: str
    owner: str
    uploading: Uploading


class Connection:
    """Serves one client from hello to close.

    Args:
        websocket: not accepted yet.
        service: what all connections share.
        visitor: its socket; None where others than this server accept connections.
    """

    def __init__(self, websocket: WebSocket, service: Service, visitor: Visitor | None = None):
        loop = asyncio.get_running_loop()
        self._websocket = websocket
        self._visitor = visitor
        self._service = service
        self._send_queue = SendQueue(loop)
        self._client = Client(service.new_workspace(), self._send_queue.put, self._send_queue.has_room)
        self._goodbye: asyncio.Future[Message] = loop.create_future()
        self.admission: Admission | None = None
        self._used = time.monotonic()
        self._label = secrets.token_hex(4)

    async def run(self) -> None:
        """Serve until either side closes."""
        await self._websocket.accept()
        if self._visitor is not None:
            self._visitor.upgraded = True
        tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]
        try:
            ends: list[asyncio.Future] = [*tasks, self._goodbye]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._goodbye.done():
                await self._part()
        finally:
            for task in tasks:
                task.cancel()
            self._leave()
            if self._visitor is not None:
                self._visitor.leave()

    async def _read(self) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            if admission := await self._welcome():
                await self._serve(admission)

    async def _welcome(self) -> Admission | None:
        """The hello: checks the token and makes room for a client."""
        try:
            data = await asyncio.wait_for(self._receive(), HELLO_SECONDS)
            message = self._decoded(data, FIRST_BYTES)
            if not isinstance(message, Hello):
                raise ProtocolError("not_ready", "The first message must be a hello.", message.id)
            admission = self._admit(message)
        except (ProtocolError, TimeoutError, asyncio.TimeoutError) as error:
            if not isinstance(error, ProtocolError):
                error = ProtocolError("not_ready", "No hello came.")
            self.end(self._failed(error))
            return None
        if self._visitor is not None:
            await self._visitor.welcome(LARGER * self._service.limits.message_bytes)
        self._send_queue.put(self._service.ready(message.id))
        log_event(
            "connected", session=self._label, token=admission.owner, client=message.client[:CLIENT_LETTERS]
        )
        return admission

    def _admit(self, hello: Hello) -> Admission:
        """Join the service's connections."""
        owner = self._service.tokens.name_of(hello.token)
        if owner is None:
            raise ProtocolError("unauthorised", "The server does not know this token.", hello.id)
        if self._service.stopping:
            raise ProtocolError("shutting_down", "The server is being stopped.", hello.id)
        limits = self._service.limits
        # Who is leaving has no claim to a place: a script's next command comes at once.
        others = [
            other.admission.owner
            for other in self._service.connections
            if other.admission is not None and not other.leaving
        ]
        if len(others) >= limits.sessions:
            raise ProtocolError("busy", "The server has as many clients as it takes.", hello.id)
        if others.count(owner) >= limits.sessions_per_token:
            raise ProtocolError("busy", "This token has as many clients as it may have.", hello.id)
        uploading = Uploading(self._service, self._client, owner)
        self.admission = admission = Admission(hello.token, owner, uploading)
        self._service.connections.add(self)
        self._service.worker.add(self._client)
        return admission

    async def _serve(self, admission: Admission) -> None:
        while True:
            await self._turn()
            data = await self._receive()
            request = 0
            try:
                message = self._decoded(data, self._service.limits.message_bytes)
                request = message.id
                self._handle(message, len(data or b""), admission.uploading)
            except Exception as error:
                self._send_queue.put(self._failed(error, request))

    async def _turn(self) -> None:
        """Let other connections have theirs; a client that takes no answers is not read meanwhile."""
        await asyncio.sleep(0)
        while self._send_queue.full or self._has_enough():
            await asyncio.sleep(0.02)

    def _has_enough(self) -> bool:
        return (
            self._client.waiting >= MOST_JOBS or self._service.worker.waiting_bytes(self._client) > MOST_BYTES
        )

    async def _receive(self) -> bytes | None:
        """The next message; None for one of text."""
        event = await self._websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1000))
        self._used = time.monotonic()
        return event.get("bytes")

    def _decoded(self, data: bytes | None, most: int) -> Message:
        if data is None:
            raise ProtocolError("bad_message", "Messages must be binary.")
        if len(data) > most:
            raise ProtocolError("too_large", "The message is larger than the server takes.")
        return decode(data)

    def _failed(self, error: Exception, request: int = 0) -> Error:
        answer = failure(error, request)
        self._service.metrics.failed(answer.code, error)
        return answer

    def _handle(self, message: Message, size: int, uploading: Uploading) -> None:
        worker = self._service.worker
        match message:
            case OpenVolume():
                uploading.open(message)
            case Chunk():
                uploading.take(message)
            case PromptRequest():
                self._submit("prompt", message, size)
            case Propagate():
                self._submit("propagate", message, size, urgent=False)
            case Forget():
                # What is being tracked may build on what is to be forgotten.
                worker.cancel_tracking(self._client)
                self._submit("forget", message, size)
            case SliceShown():
                self._submit("view", message, size, answered=False)
            case Cancel():
                uploading.cancel(message.job)
                worker.cancel(self._client, message.job)
            case Close():
                self.end(Done(message.id))
            case _:
                raise ProtocolError("unknown_type", "A client does not send this message.", message.id)

    def _submit(
        self, kind: str, message: Message, size: int, urgent: bool = True, answered: bool = True
    ) -> None:
        start = partial(self._client.workspace.steps, message)
        self._service.worker.submit(self._client, Job(message.id, kind, start, urgent, answered, size))

    async def _write(self) -> None:
        """Send what waits; the worker may go on once there is room again."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                data = await self._send_queue.next()
                await self._websocket.send_bytes(data)
                if self._send_queue.sent():
                    self._service.worker.wake()

    def check(self) -> None:
        """End the session if its token was revoked, nobody uses it, or its answers are not read."""
        if self._client.waiting:
            self._used = time.monotonic()
        idle = time.monotonic() - self._used
        if self._goodbye.done() or self.admission is None:
            return
        if self._service.tokens.name_of(self.admission.token) is None:
            reason = Error(0, "unauthorised", "The token was revoked.", HINTS["unauthorised"])
        elif idle > self._service.limits.idle_seconds:
            reason = Error(0, "expired", "The session was not used for a while.", HINTS["expired"])
        elif self._send_queue.stuck_seconds > self._service.limits.unread_seconds:
            reason = Error(0, "expired", "The answers were not read for a while.", HINTS["expired"])
        else:
            return
        self._service.metrics.failed(reason.code)
        self.end(reason)

    def end(self, last: Message) -> None:
        """Send a last message and close."""
        if not self._goodbye.done():
            self._goodbye.set_result(last)

    @property
    def leaving(self) -> bool:
        """Whether its last message was decided."""
        return self._goodbye.done()

    @property
    def _refused(self) -> bool:
        last = self._goodbye.result() if self._goodbye.done() else None
        return isinstance(last, Error) and last.code == "unauthorised"

    @property
    def _closed(self) -> bool:
        """Whether the client said that it has done."""
        return self._goodbye.done() and isinstance(self._goodbye.result(), Done)

    async def _part(self) -> None:
        """Send the last message; a client that does not read is not waited for."""
        # What a server that is being stopped has not answered, its client sends to the next one.
        if self.admission is not None and not self._service.stopping:
            self.admission.uploading.stop()
        self._send_queue.close(self._goodbye.result())
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError, RuntimeError, WebSocketDisconnect):
            await asyncio.wait_for(self._close(), PARTING_SECONDS)

    async def _close(self) -> None:
        while not self._send_queue.empty:
            await asyncio.sleep(0.005)
        code = REFUSED if self._refused else NORMAL if self._closed else GOING_AWAY
        await self._websocket.close(code)

    def _leave(self) -> None:
        """Free all that the client held; an unfinished upload is kept for a while."""
        self._send_queue.clear()
        if self.admission is None:
            return
        self._service.connections.discard(self)
        self._service.worker.remove(self._client)
        self.admission.uploading.leave(keep=not (self._refused or self._closed))
        log_event("disconnected", session=self._label)
