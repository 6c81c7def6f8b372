"""One press of Propagate: jobs one after the other, their masks written as they come."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from .SegmentWriter import SegmentWriter

if TYPE_CHECKING:
    from .BackendRequests import BackendRequests


@dataclass(frozen=True)
class PropagationChoice:
    """What the user chose.

    Attributes:
        direction: both, forward, backward or range.
        first, last: of a range, in either order.
        allSegments: all that have seeds, or the selected one only.
        stopWhenAbsent: end where the object ends.
    """

    direction: str
    first: int
    last: int
    allSegments: bool
    stopWhenAbsent: bool

    def options(self) -> dict:
        """As ``PolledClient.propagate`` takes them."""
        options = {"direction": "both" if self.direction == "range" else self.direction}
        if not self.stopWhenAbsent:
            options["absent_stop"] = None
        if self.direction == "range":
            options |= {"first": min(self.first, self.last), "last": max(self.first, self.last)}
        return options


def propagationJobs(
    lastSlices: dict[str, tuple[str, int] | None], options: dict
) -> list[tuple[str, list[str], dict]]:
    """One job (axis, segment IDs, options) for each axis along which segments have their last seed.

    Args:
        lastSlices: segment ID to axis and slice of the seed that was placed last; None without seeds. A
            correction spreads from there, unless segments differ or it lies outside the range.
        options: see ``PropagationChoice.options``.
    """
    places = {name: where for name, where in lastSlices.items() if where is not None}
    jobs = []
    for axis in dict.fromkeys(axis for axis, _index in places.values()):
        along = {name: index for name, (other, index) in places.items() if other == axis}
        start, *others = set(along.values())
        inside = options.get("first", 0) <= start <= options.get("last", start)
        jobs.append((axis, list(along), options | ({"start": start} if inside and not others else {})))
    return jobs


class Propagation:
    """Runs jobs and writes what they give.

    Args:
        requests: ``BackendRequests``.
        display: is told of progress.
        write, content: see ``SegmentWriter``; ``content`` is asked on the grid of the run.
        isCurrent: ``isCurrent(grid)`` says whether volume and geometry are still those of a grid.
        later: ``later(call)`` calls soon, but not before Slicer has seen to its user.

    Attributes:
        running: whether a job runs, is being cancelled, or is still being written.
    """

    def __init__(self, requests: "BackendRequests", display, write, content, isCurrent, later):
        self._requests = requests
        self._display = display
        self._write = write
        self._content = content
        self._isCurrent = isCurrent
        self._later = later
        self._slices: set[tuple[str, int]] = set()
        self._grid = None
        self._jobs: list[tuple[str, list[str], dict]] = []
        self._writer: SegmentWriter | None = None
        self._started = 0.0
        self._isAbandoned = False
        self.running = False

    @property
    def count(self) -> int:
        """How many slices have come; those that come again after a loss of the backend count once."""
        return len(self._slices)

    def start(self, grid, jobs: list[tuple[str, list[str], dict]]) -> None:
        """Run jobs: (axis, segment IDs, options of ``PolledClient.propagate``)."""
        self._grid, self._jobs = grid, list(jobs)
        self._started = time.monotonic()
        self._slices.clear()
        self._isAbandoned = False
        self.running = True
        self._display.showRunning(True)
        self._next()

    def cancel(self) -> None:
        """Stop; what has arrived is written."""
        self._jobs.clear()
        if self._requests.cancel():
            self._display.showMessage(_("Stopping…"))

    def abandon(self) -> None:
        """Stop, and write nothing more: the segment or its grid has changed meanwhile."""
        self._writer = None
        self._isAbandoned = True
        self.cancel()

    def close(self) -> None:
        """Stop, and say nothing more either: the effect is left."""
        self.abandon()
        self.running = False

    def fail(self) -> None:
        """The backend is gone; what has arrived is written."""
        if self.running:
            self.onFinished("failed")

    def onMask(self, mask) -> bool:
        """Take a mask; False if it is not wanted any more."""
        if not self._isWritable():
            return False
        self._slices.add((mask.axis, mask.slice_index))
        self._writer.put(mask)
        self._writer.writeIfDue()
        return True

    def onProgress(self, done: int, total: int) -> None:
        """A job got on."""
        seconds = max(time.monotonic() - self._started, 1e-3)
        self._display.showProgress(done, total, self.count / seconds)

    def onFinished(self, outcome: str) -> None:
        """A job ended: ``finished``, ``cancelled`` or ``failed``."""
        if outcome != "finished":
            self._jobs.clear()
        self._drain(outcome)

    def _drain(self, outcome: str) -> None:
        """Write what waits, a little at a time."""
        if not self.running:
            return
        if self._isWritable() and self._writer.waiting:
            self._writer.writeNext()
            self._later(lambda: self._drain(outcome))
            return
        self._writer = None
        if self._jobs:
            self._next()
        else:
            self._end(outcome)

    def _end(self, outcome: str) -> None:
        self.running = False
        self._display.showRunning(False)
        if outcome != "failed":
            self._display.showMessage(self._ending(outcome))
        self._display.redraw()

    def _ending(self, outcome: str) -> str:
        """What the user is told in the end."""
        if self._isAbandoned:
            return _("Stopped, as the segment was changed meanwhile. Press Propagate to begin again.")
        if outcome == "cancelled" and not self.count:
            return _("Cancelled; nothing was written.")
        if outcome == "cancelled":
            return _("Cancelled after {count} slices; undo takes them back.").format(count=self.count)
        seconds = time.monotonic() - self._started
        text = _("{count} slices in {seconds:.1f} s. Correct any slice with more seeds.")
        return text.format(count=self.count, seconds=seconds)

    def _isWritable(self) -> bool:
        """Whether masks still have a place to go to."""
        if self._writer is not None and not self._isCurrent(self._grid):
            self.abandon()
            text = _("The volume or its grid has changed: press Propagate again.")
            self._display.showMessage(text, True)
        return self._writer is not None

    def _next(self) -> None:
        axis, segmentIds, options = self._jobs.pop(0)
        self._writer = SegmentWriter(self._write, self._content, self._grid, axis)
        self._requests.propagate(axis, segmentIds, **options)
