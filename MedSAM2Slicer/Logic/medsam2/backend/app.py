"""The ASGI application: ``/session`` for clients, ``/healthz`` and ``/metrics`` for administrators."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from medsam2.loopback import is_loopback

from .connection import Connection
from .log import log_event
from .service import Service


def make_app(service: Service, any_host: bool = False, metrics: bool = True) -> Starlette:
    """The application for uvicorn, or for Ray Serve on a cluster.

    Args:
        service: what it gives access to.
        any_host: whether it is reached by other names than this computer's addresses: a proxy, or TLS, sees
            to it that they are its own.
        metrics: whether it has that page: not where a question reaches any one of several processes.
    """

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(service.watch())
        yield
        watching.cancel()

    def is_foreign(request: HTTPConnection) -> bool:
        foreign = not (any_host or _names_this_computer(request.headers))
        if foreign:
            log_event("foreign_page")
        return foreign

    async def session(websocket: WebSocket) -> None:
        # Only browsers say where a page came from, and no page has business here.
        if "origin" in websocket.headers or is_foreign(websocket):
            await websocket.close()
            return
        visitor = websocket.scope.get("state", {}).get("visitor")
        await Connection(websocket, service, visitor).run()

    async def healthz(request: Request) -> Response:
        if is_foreign(request):
            return _forbidden()
        return PlainTextResponse("stopping" if service.stopping else "ok", 503 if service.stopping else 200)

    async def numbers(request: Request) -> Response:
        # A token opens it from elsewhere.
        is_near = request.client is not None and is_loopback(request.client.host) and not is_foreign(request)
        if not is_near and service.tokens.name_of(_bearer_token(request.headers)) is None:
            return _forbidden()
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")

    routes = [WebSocketRoute("/session", session), Route("/healthz", healthz)]
    if metrics:
        routes.append(Route("/metrics", numbers))
    return Starlette(routes=routes, lifespan=lifespan)


def _forbidden() -> Response:
    return PlainTextResponse("forbidden", 403)


def _names_this_computer(headers: Mapping[str, str]) -> bool:
    """Whether ``Host`` is an address or ``localhost``.

    A page that has its own name lead here (DNS rebinding) is taken by a browser to be of the same origin as
    this server, and could read what it answers.
    """
    try:
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        return host == "localhost" or bool(ip_address(host))
    except ValueError:
        return False


def _bearer_token(headers: Mapping[str, str]) -> str:
    """The token in ``Authorization: Bearer TOKEN``; empty when there is none."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""
