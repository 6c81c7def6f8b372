"""The server on a Ray cluster: under Ray Serve, with several replicas, each with a network of its own.

``serve run medsam2.backend.ray_serve:app tokens=/etc/medsam2/tokens replicas=2``
"""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field
from ray import serve
from ray.serve.config import RequestRouterConfig
from ray.serve.experimental.consistent_hash_router import ConsistentHashRouter

from medsam2.errors import InputError
from medsam2.shortcuts import SPEEDS, Speed
from medsam2.threads import settle_threads

from .limits import MIB, ServerLimits, memory_limit
from .log import log_libraries
from .tokens import TokenFile

if TYPE_CHECKING:
    from starlette.applications import Starlette

SPARE_REQUESTS = 64
"""That a replica takes beside its clients: connections without a token, questions after its health."""


class Options(BaseModel):
    """What ``medsam2 serve`` calls the same, for each replica, and how many there are.

    Attributes:
        tokens: the token file, which every node has.
        gpus: of each replica; without, it computes on processors.
        threads: to compute with; so many of the cluster's processors are taken.
        max_memory: MiB; None for an equal share of three quarters of the computer, as if all were on one.
    """

    model_config = ConfigDict(extra="forbid")

    tokens: Path
    replicas: int = Field(2, ge=1)
    gpus: int = Field(0, ge=0)
    threads: int = Field(1, ge=1)
    weights: str = "starter"
    precision: str = "auto"
    speed: Speed = "exact"
    max_sessions: int = Field(16, ge=1)
    max_per_token: int = Field(4, ge=1)
    max_volume: int = Field(4096, ge=1)
    max_memory: int | None = Field(None, ge=1)
    max_features: int = Field(512, ge=1)
    idle_minutes: float = Field(30, gt=0)

    @property
    def limits(self) -> ServerLimits:
        """Those of a replica, on the computer where it runs."""
        share = memory_limit() * 3 // 4 // self.replicas
        return ServerLimits(
            volume_bytes=self.max_volume * MIB,
            memory_bytes=share if self.max_memory is None else self.max_memory * MIB,
            feature_bytes=self.max_features * MIB,
            sessions=self.max_sessions,
            sessions_per_token=self.max_per_token,
            idle_seconds=self.idle_minutes * 60,
        )


def app(options: Options) -> serve.Application:
    """The application that ``serve run`` and ``serve deploy`` make of their arguments.

    Raises:
        InputError: the token file is unusable here, or no volume would fit into the memory.
    """
    TokenFile(options.tokens)
    if options.max_memory is not None and options.max_memory <= options.max_features:
        raise InputError("max_memory leaves no room for a volume: give more than max_features.")
    here = options.model_copy(update={"tokens": options.tokens.resolve()})
    deployment = serve.deployment(
        serve.ingress()(Replica),
        name="medsam2",
        num_replicas=options.replicas,
        # An open WebSocket is an ongoing request.
        max_ongoing_requests=options.max_sessions + SPARE_REQUESTS,
        ray_actor_options={"num_cpus": options.threads, "num_gpus": options.gpus},
        request_router_config=RequestRouterConfig(request_router_class=ConsistentHashRouter),
    )
    return deployment.bind(here)


class Replica:
    """One process of several that serve."""

    def __init__(self, options: Options):
        log_libraries()
        settle_threads(options.threads)
        # Only now: torch reads what was settled.
        from .service import load_service

        device, tokens = "cuda" if options.gpus else "cpu", TokenFile(options.tokens)
        self._service = load_service(
            options.weights, device, options.precision, tokens, options.limits, SPEEDS[options.speed]
        )

    def __serve_build_asgi_app__(self) -> "Starlette":
        from .app import make_app

        return make_app(self._service, any_host=True, metrics=False)
