"""A worker whose jobs and clock the tests hold in their hands, and small volumes for workspaces."""

import asyncio
import inspect
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager, nullcontext

import numpy as np

from medsam2.backend.jobs import Client, Job
from medsam2.backend.metrics import Metrics
from medsam2.backend.worker import Worker
from medsam2.backend.workspace import Workspace
from medsam2.protocol import Done, Message, OpenVolume, Progress
from unit.tracking.examples import ball
from unit.tracking.oracle_network import OracleNetwork

STEP_SECONDS = 20.0
"""Seconds after which a test fails; nothing takes as long."""

SHAPE = (12, 40, 48)
BALL = ball(SHAPE, (6, 18, 22), 5)
"""On slices 1 to 11 of each axis that matter: k 1-11, j 13-23, i 17-27."""


def until(condition: Callable[[], bool]) -> None:
    """Wait for another thread."""
    end = time.monotonic() + STEP_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


def in_loop(test):
    """Run a coroutine function as a test."""

    def run(**fixtures):
        asyncio.run(asyncio.wait_for(test(**fixtures), STEP_SECONDS))

    run.__name__ = test.__name__
    run.__signature__ = inspect.signature(test)
    return run


class HandClock:
    """Seconds that pass only when the test says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class StubLookahead:
    """Has so many images to encode; each takes until it is interrupted, or no time."""

    def __init__(self):
        self.left = 0
        self.encoded = 0
        self.until_interrupted = False
        self.began = threading.Event()
        self.problem: Exception | None = None
        self.on_encoded: Callable[[], object] = lambda: None

    @property
    def waiting(self) -> bool:
        return self.left > 0

    def stop(self) -> None:
        self.left = 0

    def step(self, interruption) -> None:
        self.began.set()
        if self.problem is not None:
            raise self.problem
        if self.until_interrupted:
            end = time.monotonic() + STEP_SECONDS
            while time.monotonic() < end:
                interruption._check()
                time.sleep(0.001)
        self.left -= 1
        self.encoded += 1
        self.on_encoded()


class StubWorkspace:
    """Counts what the worker asks of it."""

    def __init__(self):
        self.lookahead = StubLookahead()
        self.freed = 0
        self.features_freed = 0

    def interruptible(self, interruption):
        return nullcontext()

    def free(self) -> None:
        self.freed += 1

    def free_features(self) -> None:
        self.features_freed += 1


class RecordedWorker:
    """A worker and everything that it sent, as (client's name, message), in order."""

    def __init__(self):
        self.clock = HandClock()
        self.metrics = Metrics()
        self.worker = Worker(self.metrics, self.clock)
        self.sent: list[tuple[str, Message]] = []

    def client(self, name: str, has_room: Callable[[], bool] = lambda: True) -> Client:
        client = Client(StubWorkspace(), lambda message: self.sent.append((name, message)), has_room)
        self.worker.add(client)
        return client

    @contextmanager
    def held(self):
        """Within, the worker is busy, so that what is submitted queues up."""
        holder = self.client("holder")
        reached, release = threading.Event(), threading.Event()

        def steps():
            reached.set()
            assert release.wait(STEP_SECONDS)
            yield from ()

        self.worker.submit(holder, Job(0, "hold", steps, urgent=True, answered=False))
        assert reached.wait(STEP_SECONDS)
        try:
            yield
        finally:
            release.set()

    def submit(self, client: Client, id: int, steps: Iterable, urgent: bool = False) -> Job:
        """A job of steps: messages to send, exceptions to raise, functions to call, seconds to spend."""
        job = Job(id, "prompt" if urgent else "propagate", lambda: self._run(id, steps), urgent)
        self.worker.submit(client, job)
        return job

    def _run(self, id: int, steps: Iterable):
        for step in steps:
            if isinstance(step, Exception):
                raise step
            if callable(step):
                step()
            elif isinstance(step, float):
                self.clock.advance(step)
                yield Progress(id, 0, 0)
            else:
                yield step
        yield Done(id)

    def names(self, kind: type = Progress) -> str:
        """Whose messages of a kind were sent, in order: "aab" for two of a's and one of b's."""
        return "".join(name for name, message in self.sent if type(message) is kind)

    def ends(self) -> list[Message]:
        return [message for _, message in self.sent if not isinstance(message, Progress)]

    def wait_for_end(self, *ids: int) -> None:
        until(lambda: set(ids) <= {message.id for message in self.ends()})


def a_workspace(
    network=None, feature_bytes: int = 2**30, field_of_view_network=None, promise=lambda _: None
) -> Workspace:
    return Workspace(network or OracleNetwork(), field_of_view_network, feature_bytes, promise)


def announced(voxels: np.ndarray, id: int = 1, **options) -> OpenVolume:
    """The announcement of a volume that is 0 to 1."""
    options = {"window": (0.0, 1.0), **options}
    return OpenVolume(id, "upload", voxels.shape, voxels.dtype.name, (1.0, 1.0, 1.0), **options)


def opened(workspace: Workspace, truth: np.ndarray = BALL, **options) -> Workspace:
    """The workspace with a volume that is 1 where ``truth`` (k, j, i) holds."""
    voxels = truth.astype(np.int16)
    assert isinstance(list(workspace.open(announced(voxels, **options), voxels))[-1], Done)
    return workspace
