"""Segments a bright ball in noise over the whole way that a click takes, and times it.

It has a backend of its own, so the user's volume and seeds stay where they are.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import qt
from slicer.i18n import tr as _

from ..backend import Machine
from ..backend.BackendManager import endLater

if TYPE_CHECKING:
    from medsam2.client import PolledClient
    from medsam2.protocol import Message, Ready

SHAPE, SPACING = (12, 96, 96), (3.0, 2.0, 2.0)
"""Slices, rows, columns, and millimetres between them."""
CENTRE, RADIUS_MM = (6, 44, 52), 30.0
INSIDE, OUTSIDE, NOISE = 120, -60, 15
"""Intensities, like Hounsfield units of an organ in fat."""
GOOD_OVERLAP = 0.8
POLL_MILLISECONDS, TIME_LIMIT_SECONDS = 20, 300


def syntheticBall(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A volume (k, j, i) int16, and the mask of the ball in it."""
    index = np.indices(SHAPE, np.float32)
    offsets = [(at - middle) * step for at, middle, step in zip(index, CENTRE, SPACING, strict=True)]
    ball = np.sqrt(sum(offset**2 for offset in offsets)) < RADIUS_MM
    noise = np.random.default_rng(seed).normal(0, NOISE, SHAPE)
    return (np.where(ball, INSIDE, OUTSIDE) + noise).astype(np.int16), ball


@dataclass
class Report:
    """What the self-test found.

    Attributes:
        problem: one sentence on what went wrong; empty when all is well.
        lines: facts by title, for people and for reports of bugs; no names, addresses or paths.
    """

    problem: str = ""
    lines: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All of it."""
        verdict = self.problem or _("MedSAM2 works on this computer.")
        return "\n".join([verdict, "", *(f"{title}: {fact}" for title, fact in self.lines.items())])


class SelfTest:
    """Runs by a timer; nothing here blocks.

    Args:
        client: a ``PolledClient`` of its own, not started.
        onFinished: called once, with a ``Report``.
        clock: seconds.
    """

    def __init__(
        self,
        client: "PolledClient",
        onFinished: Callable[[Report], None],
        clock: Callable[[], float] = time.monotonic,
    ):
        self._client = client
        self._onFinished = onFinished
        self._clock = clock
        self._voxels, self._truth = syntheticBall()
        self._ready: Ready | None = None
        self._masks = np.zeros(SHAPE, bool)
        self._times: dict[str, float] = {}
        self._requests: dict[int, str] = {}
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MILLISECONDS)
        self._timer.connect("timeout()", self._look)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._timer.active

    def start(self) -> None:
        """Begin."""
        from medsam2.prompt import Prompt  # here, as the panel opens without the package

        middle, row, column = CENTRE
        self._times["begin"] = self._clock()
        client = self._client
        client.start()
        self._requests = {
            client.open_volume(self._voxels, SPACING, "CT"): "opened",
            client.prompt("ball", "k", Prompt(middle, ((row, column, True),))): "clicked",
            client.propagate("k", ("ball",)): "tracked",
        }
        self._timer.start()

    def cancel(self) -> None:
        """End it without a report."""
        self._timer.stop()
        endLater(self._client)

    def _look(self) -> None:
        for message in self._client.pump():
            if self.running:
                self._take(message)
        failure = self._client.failure
        if self.running and failure is not None:
            self._end(str(failure))
        elif self.running and self._clock() - self._times["begin"] > TIME_LIMIT_SECONDS:
            self._end(_("The backend did not answer in time: restart Slicer and try again."))

    def _take(self, message: "Message") -> None:
        from medsam2.protocol import Done, Error, Mask, Ready  # here, as the client needs them anyway

        if isinstance(message, Ready):
            self._ready = message
            self._times["ready"] = self._clock()
        elif isinstance(message, Mask):
            self._masks[message.slice_index] = message.mask.full(SHAPE[1:])
        elif isinstance(message, Error):
            self._end(f"{message.message} {message.hint}".strip())
        elif isinstance(message, Done):
            step = self._requests[message.id]
            self._times[step] = self._clock()
            if step == "tracked":
                self._end(self._verdict())

    def _verdict(self) -> str:
        if self._overlap() >= GOOD_OVERLAP:
            return ""
        return _("The backend answers, but its masks are wrong: choose other weights, or download them anew.")

    def _overlap(self) -> float:
        """Dice, 0 to 1."""
        common = (self._masks & self._truth).sum()
        return float(2 * common / (self._masks.sum() + self._truth.sum()))

    def _end(self, problem: str) -> None:
        self.cancel()
        self._onFinished(Report(problem, self._facts()))

    def _facts(self) -> dict[str, str]:
        facts: dict[str, str] = {}
        if self._ready is not None:
            facts[_("Device")] = self._ready.device
            facts[_("Weights")] = self._ready.weights
        facts |= self._timings()
        free, total = Machine.memoryGigabytes()
        if total is not None:
            facts[_("Memory")] = _("{free:.1f} GB free of {total:.0f} GB").format(free=free, total=total)
        facts[_("Disk")] = _("{free:.0f} GB free").format(free=Machine.freeDiskGigabytes())
        return facts | Machine.versions()

    def _timings(self) -> dict[str, str]:
        times = self._times
        facts: dict[str, str] = {}
        if "ready" in times:
            facts[_("Start")] = _("{seconds:.1f} s").format(seconds=times["ready"] - times["begin"])
        if "clicked" in times:
            seconds = times["clicked"] - times["ready"]
            facts[_("First mask")] = _("{seconds:.1f} s").format(seconds=seconds)
        if "tracked" in times:
            seconds = times["tracked"] - times["clicked"]
            facts[_("Tracking")] = _("{seconds:.1f} s for {count} slices").format(
                seconds=seconds, count=SHAPE[0]
            )
            facts[_("Overlap with the truth")] = f"{self._overlap():.0%}"
        return facts
