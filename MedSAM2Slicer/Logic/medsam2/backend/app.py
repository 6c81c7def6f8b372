"""The ASGI application: ``/session`` for clients, ``/healthz`` and ``/metrics`` for administrators."""

import asyncio
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from .connection import Connection
from .service import Service


def make_app(service: Service) -> Starlette:
    """The application for uvicorn, or for Ray Serve on a cluster."""

    @asynccontextmanager
    async def lifespan(_app: Starlette):
        watching = asyncio.create_task(service.watch())
        yield
        watching.cancel()

    async def session(websocket: WebSocket) -> None:
        await Connection(websocket, service).run()

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("stopping" if service.stopping else "ok", 503 if service.stopping else 200)

    async def metrics(_request: Request) -> Response:
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")

    routes = [WebSocketRoute("/session", session), Route("/healthz", healthz), Route("/metrics", metrics)]
    return Starlette(routes=routes, lifespan=lifespan)
