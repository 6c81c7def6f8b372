"""One press of *Propagate through time*: from time point to time point, each written when it is whole.

How an object is carried, ``medsam2.through_time`` says. Nothing is shown for that: volumes are taken from
their sequence and masks put into theirs, so that the user may browse meanwhile, and what is cut short leaves
no time point half-written.
"""

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from slicer.i18n import tr as _

from medsam2.errors import InputError
from medsam2.propagation_options import PropagationOptions

from ..backend.BackendManager import BackendManager
from .BackendRequests import BackendRequests, Ending
from .Display import Display
from .EditorState import VolumeOffer
from .Propagation import Later
from .SliceResults import SliceResults
from .TimePlan import TimePlan
from .TimeSteps import TimeSteps

if TYPE_CHECKING:
    from medsam2.protocol import Mask


class TimePropagation:
    """Runs a plan.

    Args:
        results: get the confidence of what was written.
    """

    def __init__(self, manager: BackendManager, display: Display, results: SliceResults, later: Later):
        self._requests = BackendRequests(manager, self, lambda: self.running)
        self._display = display
        self._results = results
        self._later = later
        self._steps: TimeSteps | None = None
        self._started = 0.0

    @property
    def running(self) -> bool:
        """Whether a plan runs."""
        return self._steps is not None

    @property
    def finished(self) -> int:
        """Time points that were written."""
        return 0 if self._steps is None else self._steps.finished

    def text(self) -> str:
        """What is going on."""
        steps = self._steps
        if steps is None:
            return ""
        if self._requests.sent is not None:
            text = _("Sending time point {name}… {percent} %")
            return text.format(name=steps.name, percent=round(100 * self._requests.sent))
        text = _(
            "Time point {name}, slices: {count}. Clicks do nothing meanwhile; Cancel keeps what is finished."
        )
        return text.format(name=steps.name, count=len(steps.masks))

    def start(self, plan: TimePlan, offer: VolumeOffer, options: PropagationOptions) -> None:
        """Run a plan.

        Args:
            offer: how the volumes are sent.
            options: what is asked of each time point.
        """
        if not self._requests.connect():
            return
        self._offer = replace(offer, window=offer.window or _suitableWindow(offer))
        self._options = options
        self._started = time.monotonic()
        self._slices = 0
        self._steps = TimeSteps(plan, offer.voxels)
        self._display.showRunning(True)
        self._steps.prepare()
        self._next()

    def cancel(self) -> None:
        """Stop; the time point in work is dropped, finished ones are kept."""
        if self._steps is not None:
            text = _("Cancelled; time points that are finished and kept: {count} of {total}.")
            self._end(text.format(count=self.finished, total=self._steps.total))

    def interruption(self) -> str:
        """What a user is told who leaves the effect now; empty while nothing runs."""
        text = _(
            "The propagation through time was stopped, as the effect was left; finished time points: {count}."
        )
        return text.format(count=self.finished) if self.running else ""

    def close(self) -> None:
        """Stop, and say nothing more: the effect is left."""
        self._steps = None
        self._requests.close()

    def fail(self, reason: str, log: str = "") -> None:
        """Stop, and say why; finished time points are kept."""
        if self._steps is not None:
            text = _("{reason} Time points that are finished and kept: {count}.")
            self._end(text.format(reason=reason, count=self.finished), isProblem=True, log=log)

    def _next(self) -> None:
        """Begin with the next time point."""
        steps = self._steps
        if steps is None:
            return
        if not steps.takeNext():
            self._sayEnd(steps)
        elif not steps.look():
            self.fail(_("The sequence was changed meanwhile."))
        else:
            spacing = (1.0, *steps.sliceSpacing)
            self._open(replace(self._offer, voxels=steps.film, spacing=spacing))
            for each in steps.carried:
                self._requests.prompt(each.object_id, "k", each.prompt, replace=False)
            self._nextFrame(steps)

    def _open(self, offer: VolumeOffer) -> None:
        self._requests.open(offer)
        self._display.showMessage(self.text())

    def _nextFrame(self, steps: TimeSteps) -> None:
        """Carry the object on another of its slices, or all that were carried into the volume."""
        if steps.takeFrame():
            each = steps.carried[steps.frame]
            self._requests.propagate("k", [each.object_id], each.options)
            return
        prompts = steps.prompts()
        if not prompts:
            self._lose(steps)
            return
        self._open(replace(self._offer, voxels=steps.voxels))
        for prompt in prompts:
            self._requests.prompt(steps.plan.segmentId, steps.plan.axis, prompt, replace=False)
        self._requests.propagate(steps.plan.axis, [steps.plan.segmentId], self._options)

    def _lose(self, steps: TimeSteps) -> None:
        """The object is not there: this way ends, and what the time point had stays."""
        steps.lose()
        self._later(self._next)

    def _finish(self) -> None:
        """A time point is whole."""
        steps = self._steps
        if steps is None:
            return
        problem = steps.whatChanged()
        if problem:
            self.fail(problem)
        elif steps.isEmpty:
            self._lose(steps)
        else:
            for mask in steps.write():
                self._results.put(mask, steps.value)
            self._display.redraw()
            self._later(self._next)

    def _sayEnd(self, steps: TimeSteps) -> None:
        if steps.lost:
            text = _("The object was not found at time point {name}: go there and click it.")
            self.fail(text.format(name=steps.lost[0]))
            return
        text = _(
            "Propagated through time in {seconds:.1f} s, time points: {count}. Look at each: undo does not "
            "reach them."
        )
        self._end(text.format(count=steps.finished, seconds=time.monotonic() - self._started))

    def _end(self, text: str, isProblem: bool = False, log: str = "") -> None:
        self._steps = None
        self._requests.cancel()
        self._requests.backendIsLost()  # what still comes is not wanted
        self._display.showRunning(False)
        self._display.showMessage(text, isProblem, log)
        self._display.redraw()

    # Listener of the requests

    def onPreview(self, mask: "Mask") -> None:
        """Prompted slices come with the others once more."""

    def onMask(self, mask: "Mask") -> None:
        """A slice has come."""
        if self._steps is not None:
            self._steps.take(mask)

    def onOpening(self) -> None:
        """A volume is on its way."""
        self._display.showMessage(self.text())

    def onProgress(self, done: int, total: int) -> None:
        """A time point got on."""
        steps = self._steps
        if steps is not None and not steps.isFilm:
            seconds = max(time.monotonic() - self._started, 1e-3)
            self._slices = max(self._slices, steps.finished * total + done)
            self._display.showProgress(self._slices, steps.total * total, self._slices / seconds)
            self._display.showMessage(self.text())

    def onFinished(self, ending: Ending) -> None:
        """A frame, or a time point, has come; where it failed the reason follows."""
        steps = self._steps
        if steps is None or ending != "finished":
            return
        if steps.isFilm:
            self._nextFrame(steps)
        else:
            self._later(self._finish)

    def onError(self, message: str) -> None:
        """A request failed."""
        if self._steps is None:
            self._display.showMessage(message, True)
        else:
            self.fail(message)


def _suitableWindow(offer: VolumeOffer) -> tuple[float, float] | None:
    """That of the time point shown, as the backend would choose it: it holds for all of them."""
    # Imported at first use: reading volumes takes libraries that choosing the effect must not wait for.
    from medsam2.volume import Geometry, Volume, choose_window, guess_modality

    voxels = offer.voxels
    try:
        window = choose_window(Volume(voxels, Geometry(voxels.shape, np.eye(4)), guess_modality(voxels)))
    except InputError:  # the backend refuses such voxels in its own words
        return None
    return window.lower, window.upper
