"""One press of Propagate: jobs one after the other, their masks written as they come."""

import time

from .PropagationController import PropagationController, State
from .SegmentWriter import SegmentWriter


class Propagation:
    """Runs jobs and writes what they give.

    Args:
        display: is told of progress.
        write, content: see ``SegmentWriter``; ``content`` is asked on the grid of the run.
        isCurrent: ``isCurrent(grid)`` says whether volume and geometry are still those of a grid.
        later: ``later(call)`` calls soon, but not before Slicer has seen to its user.

    Attributes:
        running: whether a job runs, is being cancelled, or is still being written.
        masks: slices that have come.
    """

    def __init__(self, display, write, content, isCurrent, later):
        self._display = display
        self._write = write
        self._content = content
        self._isCurrent = isCurrent
        self._later = later
        self._controller: PropagationController | None = None
        self._grid = None
        self._jobs: list[tuple[str, list[str], dict]] = []
        self._writer: SegmentWriter | None = None
        self._started = 0.0
        self.masks = 0
        self.running = False

    def start(self, controller: PropagationController, grid, jobs: list[tuple[str, list[str], dict]]) -> None:
        """Run jobs: (axis, segment IDs, options of ``PolledClient.propagate``)."""
        self._controller, self._grid, self._jobs = controller, grid, list(jobs)
        self._started, self.masks = time.monotonic(), 0
        self.running = True
        self._display.showRunning(True)
        self._next()

    def cancel(self) -> None:
        """Stop; what has arrived is written."""
        self._jobs.clear()
        if self._controller is not None and self._controller.state is State.RUNNING:
            self._controller.cancel()
            self._display.showMessage("Cancelling…")

    def abandon(self) -> None:
        """Stop, and write nothing more: the segment or its grid has changed meanwhile."""
        self._writer = None
        self.cancel()

    def close(self) -> None:
        """Stop, and say nothing more either: the effect is left."""
        self.abandon()
        self.running = False

    def fail(self) -> None:
        """The backend is gone; what has arrived is written."""
        self._controller = None
        if self.running:
            self.onFinished("failed")

    def onMask(self, mask) -> bool:
        """Take a mask; False if it is not wanted any more."""
        if not self._isWritable():
            return False
        self.masks += 1
        self._writer.put(mask)
        self._writer.writeIfDue()
        return True

    def onProgress(self, done: int, total: int) -> None:
        """A job got on."""
        seconds = max(time.monotonic() - self._started, 1e-3)
        self._display.showProgress(done, total, self.masks / seconds)

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
        if outcome == "finished":
            seconds = time.monotonic() - self._started
            text = f"{self.masks} slices in {seconds:.1f} s. Correct any slice with more seeds."
            self._display.showMessage(text)
        elif outcome == "cancelled":
            self._display.showMessage("Cancelled; undo takes back what was written.")
        self._display.redraw()

    def _isWritable(self) -> bool:
        """Whether masks still have a place to go to."""
        if self._writer is not None and not self._isCurrent(self._grid):
            self.abandon()
            self._display.showMessage("The volume or its grid has changed: press Propagate again.", True)
        return self._writer is not None

    def _next(self) -> None:
        axis, segmentIds, options = self._jobs.pop(0)
        self._writer = SegmentWriter(self._write, self._content, self._grid, axis)
        self._controller.propagate(axis, segmentIds, **options)
