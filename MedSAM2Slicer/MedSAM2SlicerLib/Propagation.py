"""One press of Propagate: jobs one after the other, their masks written as they come."""

import time

from .PropagationController import PropagationController, State
from .SegmentWriter import SegmentWriter


class Propagation:
    """Runs jobs and writes what they give.

    Args:
        display: is told of progress.
        write, content: see ``SegmentWriter``; ``content`` is asked on the grid of the run.
        isSame: whether volume and grid are still those that the jobs were started on.
    """

    def __init__(self, display, write, content, isSame):
        self._display = display
        self._write = write
        self._content = content
        self._isSame = isSame
        self._controller: PropagationController | None = None
        self._jobs: list[tuple[str, list[str], dict]] = []
        self._writer: SegmentWriter | None = None
        self._started = 0.0
        self._masks = 0

    @property
    def running(self) -> bool:
        """Whether a job runs or is being cancelled."""
        return self._controller is not None and self._controller.state is not State.IDLE

    def start(self, controller: PropagationController, grid, jobs: list[tuple[str, list[str], dict]]) -> None:
        """Run jobs: (axis, segment IDs, options of ``PolledClient.propagate``)."""
        self._controller, self._grid, self._jobs = controller, grid, list(jobs)
        self._started, self._masks = time.monotonic(), 0
        self._display.showRunning(True)
        self._next()

    def cancel(self) -> None:
        """Stop; what has arrived is written."""
        self._jobs.clear()
        if self.running and self._controller.state is State.RUNNING:
            if self._writer is not None:
                self._writer.flush()
            self._controller.cancel()
            self._display.showMessage("Cancelling…")

    def abandon(self) -> None:
        """Stop, and write nothing more: the segment or its grid has changed meanwhile."""
        self._writer = None
        self.cancel()

    def fail(self) -> None:
        """The backend is gone for good."""
        self._writer, self._controller = None, None
        self._jobs.clear()
        self._display.showRunning(False)

    def onMask(self, mask) -> bool:
        """Take a mask; False if it is not wanted any more."""
        if self._writer is None:
            return False
        if not self._isSame():
            self.abandon()
            self._display.showMessage("The volume or its grid has changed: click Propagate again.", True)
            return False
        self._masks += 1
        self._writer.put(mask)
        self._writer.flushIfDue()
        return True

    def onProgress(self, done: int, total: int) -> None:
        """A job got on."""
        seconds = max(time.monotonic() - self._started, 1e-3)
        self._display.showProgress(done, total, self._masks / seconds)

    def onFinished(self, outcome: str) -> bool:
        """A job ended; True if it was the last one."""
        if self._writer is not None and outcome == "finished":
            self._writer.flush()
        self._writer = None
        if outcome == "finished" and self._jobs:
            self._next()
            return False
        self._jobs.clear()
        self._display.showRunning(False)
        if outcome == "finished":
            seconds = time.monotonic() - self._started
            text = f"{self._masks} slices in {seconds:.1f} s. Correct any slice with more seeds."
            self._display.showMessage(text)
        elif outcome == "cancelled":
            self._display.showMessage("Cancelled; undo takes back what was written.")
        return True

    def _next(self) -> None:
        axis, segmentIds, options = self._jobs.pop(0)
        self._writer = SegmentWriter(self._write, self._content, self._grid, axis)
        self._controller.propagate(axis, segmentIds, **options)
