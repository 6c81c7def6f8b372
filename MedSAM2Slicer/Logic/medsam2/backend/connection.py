"""One client's WebSocket: messages in become jobs, answers go out."""

import asyncio
import contextlib
import secrets
import time
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
    Progress,
    Prompt,
    Propagate,
    ProtocolError,
    Shown,
    Upload,
    decode,
)

from .failures import failure
from .log import log_event
from .outbox import Outbox
from .service import Service
from .shelf import same_voxels
from .worker import Client, Job

HELLO_SECONDS = 10.0
FLUSH_SECONDS = 3.0
PROGRESS_BYTES = 16 * 2**20
GOING_AWAY, REFUSED = 1001, 1008


class Connection:
    """Serves one client from hello to close."""

    def __init__(self, websocket: WebSocket, service: Service):
        self._websocket = websocket
        self._service = service
        self._outbox = Outbox(asyncio.get_running_loop())
        self._client = Client(service.new_session(), self._outbox.put, self._outbox.has_room)
        self._upload: Upload | None = None
        self._opening = 0
        self._token, self._owner = "", ""
        self._used = time.monotonic()
        self._label = secrets.token_hex(4)
        self._handlers = {
            OpenVolume: self._open_volume,
            Chunk: self._chunk,
            Prompt: self._compute,
            Propagate: self._compute,
            Forget: self._forget,
            Shown: self._shown,
            Cancel: lambda message: self._service.worker.cancel(self._client, message.job),
        }

    async def run(self) -> None:
        """Serve until either side closes."""
        await self._websocket.accept()
        writer = asyncio.create_task(self._write())
        try:
            if await self._welcome():
                await self._serve()
        except WebSocketDisconnect:
            pass
        finally:
            await self._leave(writer)

    async def _welcome(self) -> bool:
        """The hello: checks the token and makes room for a client."""
        try:
            message = await asyncio.wait_for(self._receive(), HELLO_SECONDS)
            if not isinstance(message, Hello):
                raise ProtocolError("not_ready", "The first message must be a hello.", message.id)
            self._admit(message)
        except (ProtocolError, TimeoutError, asyncio.TimeoutError) as error:
            if not isinstance(error, ProtocolError):
                error = ProtocolError("not_ready", "No hello came.")
            await self.end(self._failed(error))
            return False
        self._outbox.put(self._service.ready(message.id))
        log_event("connected", session=self._label, token=self._owner)
        return True

    def _admit(self, hello: Hello) -> None:
        owner = self._service.tokens.name_of(hello.token)
        if owner is None:
            raise ProtocolError("unauthorised", "The server does not know this token.", hello.id)
        if self._service.stopping:
            raise ProtocolError("shutting_down", "The server is being stopped.", hello.id)
        if len(self._service.connections) >= self._service.limits.sessions:
            raise ProtocolError("busy", "The server has as many clients as it takes.", hello.id)
        self._token, self._owner = hello.token, owner
        self._service.connections.add(self)
        self._service.worker.add(self._client)

    async def _serve(self) -> None:
        while True:
            request = 0
            try:
                message = await self._receive()
                request = message.id
                if isinstance(message, Close):
                    await self.end(Done(message.id))
                    return
                if type(message) not in self._handlers:
                    raise ProtocolError("unknown_type", "A client does not send this message.", message.id)
                self._handlers[type(message)](message)
            except (ProtocolError, MemoryError) as error:
                self._outbox.put(self._failed(error, request))

    async def _receive(self) -> Message:
        event = await self._websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1000))
        self._used = time.monotonic()
        data = event.get("bytes")
        if data is None:
            raise ProtocolError("bad_message", "Messages must be binary.")
        if len(data) > self._service.limits.message_bytes:
            raise ProtocolError("too_large", "The message is larger than the server takes.")
        return decode(data)

    def _failed(self, error: Exception, request: int = 0) -> Error:
        answer = failure(error, request)
        self._service.metrics.failed(answer.code, error)
        return answer

    def _open_volume(self, message: OpenVolume) -> None:
        """Make room for a volume; its chunks follow unless it is here already."""
        self._service.worker.cancel(self._client)
        held = self._upload
        if held is None or not same_voxels(held.announced, message):
            self._upload = None
            held = self._service.shelf.take(self._owner, message) or self._new_upload(message)
        held.announced = message
        self._upload, self._opening = held, message.id
        self._outbox.put(Progress(message.id, held.received, held.total))
        if held.complete:
            self._opened()

    def _new_upload(self, message: OpenVolume) -> Upload:
        limits = self._service.limits
        upload = Upload(message, limits.chunk_bytes, limits.volume_bytes)
        self._service.budget.reserve(self, upload.total, message.id)
        return upload

    def _chunk(self, message: Chunk) -> None:
        upload = self._upload
        if upload is None or upload.complete or message.id != self._opening:
            return  # sent before the client heard that its upload had failed
        before = upload.received
        try:
            upload.add(message)
        except ProtocolError:
            self._upload = None
            raise
        if upload.complete:
            self._outbox.put(Progress(message.id, upload.total, upload.total))
            self._opened()
        elif before // PROGRESS_BYTES != upload.received // PROGRESS_BYTES:
            self._outbox.put(Progress(message.id, upload.received, upload.total))

    def _opened(self) -> None:
        upload = self._upload
        start = partial(self._client.session.open, upload.announced, upload.voxels())
        self._service.worker.submit(self._client, Job(upload.announced.id, "open", start, urgent=True))

    def _compute(self, message: Prompt | Propagate) -> None:
        urgent = isinstance(message, Prompt)
        start = partial(self._client.session.steps, message)
        job = Job(message.id, "prompt" if urgent else "propagate", start, urgent)
        self._service.worker.submit(self._client, job)

    def _forget(self, message: Forget) -> None:
        # What is being tracked may build on what is to be forgotten.
        self._service.worker.cancel_tracking(self._client)
        start = partial(self._client.session.steps, message)
        self._service.worker.submit(self._client, Job(message.id, "forget", start, urgent=True))

    def _shown(self, message: Shown) -> None:
        start = partial(self._client.session.steps, message)
        self._service.worker.submit(self._client, Job(message.id, "view", start, urgent=True))

    async def _write(self) -> None:
        """Send what waits; the worker may go on once there is room again."""
        while True:
            data = await self._outbox.next()
            await self._websocket.send_bytes(data)
            had_room = self._outbox.has_room()
            self._outbox.sent()
            if not had_room and self._outbox.has_room():
                self._service.worker.wake()

    def check(self) -> None:
        """End the session if its token was revoked or nobody uses it."""
        idle = time.monotonic() - self._used
        if self._service.tokens.name_of(self._token) is None:
            reason = Error(0, "unauthorised", "The token was revoked.", "Ask the server's administrator.")
        elif idle > self._service.limits.idle_seconds and not self._client.jobs:
            reason = Error(0, "expired", "The session was not used for a while.", "Open the volume again.")
        else:
            return
        self._service.metrics.failed(reason.code)
        self._ending = asyncio.create_task(self.end(reason))

    async def end(self, last: Message) -> None:
        """Send a last message and close."""
        self._outbox.put(last)
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(self._flushed(), FLUSH_SECONDS)
        code = REFUSED if isinstance(last, Error) and last.code == "unauthorised" else GOING_AWAY
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await self._websocket.close(1000 if isinstance(last, Done) else code)

    async def _flushed(self) -> None:
        while not self._outbox.empty:
            await asyncio.sleep(0.005)

    async def _leave(self, writer: asyncio.Task) -> None:
        """Free all that the client held; an unfinished upload is kept for a while."""
        writer.cancel()
        with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError, OSError):
            await writer
        self._outbox.close()
        if self not in self._service.connections:
            return
        self._service.connections.discard(self)
        self._service.worker.remove(self._client)
        self._service.budget.release(self)
        if self._upload is not None and not self._upload.complete:
            self._service.shelf.put(self._owner, self._upload)
        log_event("disconnected", session=self._label)
