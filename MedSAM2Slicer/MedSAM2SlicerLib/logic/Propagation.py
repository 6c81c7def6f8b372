"""One press of Propagate: jobs one after the other, their masks written as they come."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from slicer.i18n import tr as _

from medsam2.propagation_options import PropagationOptions

from .Display import Display
from .SegmentationGrid import SegmentationGrid
from .SegmentWriter import SegmentWriter, Write

if TYPE_CHECKING:
    from medsam2.protocol import Mask
    from medsam2.slice_grid import Axis

    from .BackendRequests import BackendRequests, Ending
    from .Seeds import SliceKey

Later: TypeAlias = Callable[[Callable[[], None]], None]
"""``later(call)`` calls soon, but not before Slicer has seen to its user."""
Job: TypeAlias = tuple["Axis", list[str], PropagationOptions]
"""Axis, segment IDs, options."""


def propagationJobs(lastSlices: dict[str, "SliceKey | None"], options: PropagationOptions) -> list[Job]:
    """One job for each axis along which segments have their last seed.

    Args:
        lastSlices: segment ID to axis and slice of the seed that was placed last; None without seeds. A
            correction spreads from there, unless segments differ or it lies outside the range.
        options: what is asked of each, but for the start.
    """
    slices = {name: where for name, where in lastSlices.items() if where is not None}
    jobs: list[Job] = []
    for axis in dict.fromkeys(axis for axis, _index in slices.values()):
        along = {name: index for name, (other, index) in slices.items() if other == axis}
        start, *others = set(along.values())
        isStart = options.covers(start) and not others
        jobs.append((axis, list(along), replace(options, start=start) if isStart else options))
    return jobs


class Propagation:
    """Runs jobs and writes what they give.

    Args:
        isCurrent: says whether volume and geometry are still those of a grid.

    Attributes:
        running: whether a job runs, is being cancelled, or is still being written.
        segmentIds: what is propagated; empty while nothing is.
    """

    def __init__(
        self,
        requests: "BackendRequests",
        display: Display,
        write: Write,
        isCurrent: Callable[[SegmentationGrid], bool],
        later: Later,
    ):
        self._requests = requests
        self._display = display
        self._write = write
        self._isCurrent = isCurrent
        self._later = later
        self._slices: set[SliceKey] = set()
        self._jobs: list[tuple[SegmentationGrid, Job]] = []
        self._writer: SegmentWriter | None = None
        self._started = 0.0
        self._isAbandoned = False
        self._leftOut: list[str] = []
        self.running = False
        self.segmentIds: set[str] = set()

    @property
    def count(self) -> int:
        """How many slices have come; those that come again after a loss of the backend count once."""
        return len(self._slices)

    def start(self, grid: SegmentationGrid, jobs: list[Job]) -> None:
        """Run jobs, whose masks are on a grid."""
        self._jobs = [(grid, job) for job in jobs]
        self._started = time.monotonic()
        self._slices.clear()
        several = dict.fromkeys(axis for axis, _names, options in jobs if options.orientations != 1)
        self._leftOut = [plane for axis in several for plane in grid.coarse(axis)]
        self._isAbandoned = False
        self.running = True
        self.segmentIds = {name for _axis, names, _options in jobs for name in names}
        self._display.showRunning(True)
        self._next()

    def cancel(self) -> None:
        """Stop; what has arrived is written."""
        self._jobs.clear()
        if self._requests.cancel():
            self._display.showMessage(_("Stopping…"))

    def interruption(self) -> str:
        """What a user is told who leaves the effect now; empty while nothing runs."""
        text = _(
            "The propagation was stopped, as the effect was left; slices that had come: {count}. Press "
            "Propagate to go on."
        )
        return text.format(count=self.count) if self.running else ""

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

    def onMask(self, mask: "Mask") -> bool:
        """Take a mask; False if it is not wanted any more."""
        writer = self._currentWriter()
        if writer is None:
            return False
        self._slices.add((mask.axis, mask.slice_index))
        writer.put(mask)
        writer.writeIfDue()
        return True

    def onProgress(self, done: int, total: int) -> None:
        """A job got on."""
        seconds = max(time.monotonic() - self._started, 1e-3)
        # Slices of further orientations bring no masks.
        self._display.showProgress(done, total, max(self.count, done) / seconds)

    def onFinished(self, ending: "Ending") -> None:
        """A job ended."""
        if ending != "finished":
            self._jobs.clear()
        self._drain(ending)

    def _drain(self, ending: "Ending") -> None:
        """Write what waits, a little at a time."""
        if not self.running:
            return
        writer = self._currentWriter()
        if writer is not None and writer.waiting:
            writer.writeNext()
            self._later(lambda: self._drain(ending))
            return
        self._writer = None
        if self._jobs:
            self._next()
        else:
            self._end(ending)

    def _end(self, ending: "Ending") -> None:
        self.running = False
        self.segmentIds = set()
        self._requests.askHeld()
        self._display.showRunning(False)
        if ending != "failed":
            self._display.showMessage(self._lastWords(ending))
        self._display.redraw()

    def _lastWords(self, ending: "Ending") -> str:
        """What the user is told in the end."""
        if self._isAbandoned:
            return _("Stopped, as the segment was changed meanwhile. Press Propagate to begin again.")
        if ending == "cancelled" and not self.count:
            return _("Cancelled; nothing was written.")
        if ending == "cancelled":
            return _("Cancelled; slices that had come: {count}. Undo takes them back.").format(
                count=self.count
            )
        seconds = time.monotonic() - self._started
        text = _("Propagated in {seconds:.1f} s, slices: {count}. Correct any of them with more seeds.")
        text = text.format(count=self.count, seconds=seconds)
        if not self._leftOut:
            return text
        left = _("Left out, as their voxels are too coarse: {planes}.")
        return f"{text} {left.format(planes=', '.join(dict.fromkeys(self._leftOut)))}"

    def _currentWriter(self) -> SegmentWriter | None:
        """Where masks go to; None where they have no place any more."""
        if self._writer is not None and not self._isCurrent(self._writer.grid):
            self.abandon()
            text = _("The volume or its grid has changed: press Propagate again.")
            self._display.showMessage(text, True)
        return self._writer

    def _next(self) -> None:
        grid, (axis, segmentIds, options) = self._jobs.pop(0)
        self._writer = SegmentWriter(self._write, grid, axis)
        self._requests.propagate(axis, segmentIds, options)
