"""What all connections of one server share."""

import asyncio
import ctypes
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from medsam2 import __version__
from medsam2.model.segmentation_network import SegmentationNetwork
from medsam2.protocol import Error, Limits, OpenVolume, Ready, Upload, compressions
from medsam2.shortcuts import EXACT, Shortcuts
from medsam2.weights.loading import load_chooser, load_model

from .failures import HINTS
from .limits import MemoryBudget, ServerLimits
from .metrics import Metrics
from .parked_uploads import ParkedUploads
from .tokens import Tokens
from .worker import Worker
from .workspace import Workspace

DRAIN_SECONDS = 20.0
"""A slice in flight is waited for so long at the end."""
PARTING_SECONDS = 5.0
"""And the clients' last messages so long."""


def load_service(
    weights: str,
    device: str,
    precision: str,
    tokens: Tokens,
    limits: ServerLimits,
    shortcuts: Shortcuts = EXACT,
) -> "Service":
    """A server's service with the networks that it needs.

    Args:
        weights: name or file.
        device, precision: as for ``load_model``.
        tokens, limits: see ``Service``.
        shortcuts: as for ``load_model``; clients are told of them beside the weights' name.

    Raises:
        InputError: weights, device or precision cannot be had.
    """
    # OpenMP keeps helpers for each thread that has computed. With those of this thread beside the worker's
    # there would be more than cores; they would sleep between any two steps, which takes a third longer.
    with ThreadPoolExecutor(1) as passing:
        network = passing.submit(load_model, weights, device, precision, shortcuts).result()
        chooser = passing.submit(load_chooser, network, precision).result()
    # A file's path may name a patient; only a catalogue name is told to clients.
    name = network.config.preset if Path(weights).exists() else weights
    if network.shortcuts != EXACT:
        name = f"{name} (fast)"  # so it stands in results, too
    return Service(network, chooser, name, tokens, limits)


class Service:
    """Network, worker, tokens and limits of one server, and its open connections."""

    def __init__(
        self,
        network: SegmentationNetwork,
        field_of_view_network: SegmentationNetwork | None,
        weights: str,
        tokens: Tokens,
        limits: ServerLimits | None = None,
    ):
        self.tokens = tokens
        self.limits = limits or ServerLimits()
        self.budget = MemoryBudget(self.limits)
        self.parked_uploads = ParkedUploads(dropped=self.budget.release)
        self.metrics = Metrics()
        # On the CPU, nobody is charged for what other programs take.
        on_cpu = network.device.type == "cpu"
        self.worker = Worker(self.metrics, time.thread_time if on_cpu else time.perf_counter)
        self.connections: set = set()
        self.stopping = False
        self._network = network
        self._field_of_view_network = field_of_view_network
        self._weights = weights
        self.metrics.watch(lambda: len(self.connections), self.worker.waiting_jobs)

    def ready(self, request: int) -> Ready:
        """What this server is."""
        limits = self.limits
        return Ready(
            request,
            server=f"medsam2/{__version__}",
            device=str(self._network.device),
            weights=self._weights,
            image_size=self._network.config.image_size,
            limits=Limits(limits.message_bytes, limits.volume_bytes, limits.chunk_bytes),
            compressions=compressions(),
        )

    def new_workspace(self) -> Workspace:
        """The state of a new client."""
        promise = partial(self.budget.remember, object())
        bytes_kept, on_disk = self.limits.feature_bytes, self.limits.features_on_disk
        return Workspace(self._network, self._field_of_view_network, bytes_kept, promise, on_disk)

    def cut_upload(self, owner: str, announced: OpenVolume) -> Upload | None:
        """What has come of an upload before its connection was lost, whether that was noticed or not."""
        upload = self.parked_uploads.take(owner, announced)
        for connection in self.connections:
            if upload is None and connection.admission is not None:
                upload = connection.admission.uploading.give_up(owner, announced)
        return upload

    async def watch(self) -> None:
        """Every two seconds: end idle sessions and those of revoked tokens, forget cut uploads."""
        before: set = set()
        while True:
            await asyncio.sleep(2)
            self.parked_uploads.tidy()
            for connection in list(self.connections):
                connection.check()
            if before - self.connections:
                await asyncio.to_thread(_give_memory_back)
            before = set(self.connections)

    async def drain(self) -> None:
        """Stop gracefully: finish the slice being computed, tell every client, send what is waiting."""
        self.stopping = True
        self.worker.stop()
        await _within(DRAIN_SECONDS, lambda: self.worker.stopped)
        for connection in self.connections:
            connection.end(Error(0, "shutting_down", "The server is being stopped.", HINTS["shutting_down"]))
        await _within(PARTING_SECONDS, lambda: not self.connections)


async def _within(seconds: float, reached: Callable[[], bool]) -> None:
    """Wait for something, but no longer than so many seconds."""
    end = time.monotonic() + seconds
    while not reached() and time.monotonic() < end:
        await asyncio.sleep(0.02)


def _give_memory_back() -> None:
    """Trim the heap, which the C library would keep for what comes next; takes milliseconds."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # not glibc
            ctypes.CDLL(None).malloc_trim(0)
