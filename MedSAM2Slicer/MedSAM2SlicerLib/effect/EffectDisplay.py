"""Where the logic's news are shown: message, button, progress bar, strip and slice views."""

from typing import TYPE_CHECKING

from medsam2.slice_grid import AXES

if TYPE_CHECKING:
    from ..logic.EffectLogic import EffectLogic
    from .EffectOptions import EffectOptions
    from .EffectViews import EffectViews


class EffectDisplay:
    """The ``Display`` of an ``EffectLogic``."""

    def __init__(self, options: "EffectOptions"):
        self._options = options
        self._shown: tuple[EffectLogic, EffectViews] | None = None

    def open(self, logic: "EffectLogic", views: "EffectViews") -> None:
        """Begin to draw in ``views`` what ``logic`` knows."""
        self._shown = logic, views

    def close(self) -> None:
        """Draw no longer."""
        self._shown = None

    def redraw(self) -> None:
        """Something to draw has changed."""
        if self._shown is not None:
            logic, views = self._shown
            views.redraw()
            self._options.showTime(logic.editor.timePoint is not None)
            self.showStrip()
            self._options.offer.show(logic.terms)

    def showMessage(self, text: str, isProblem: bool = False, log: str = "") -> None:
        """A sentence for the user, and what the backend wrote if that says more."""
        self._options.message.show(text, isProblem, log)

    def clearMessage(self) -> None:
        """What was said last is over, be it a problem."""
        self._options.message.clearProblem()

    def showRunning(self, running: bool) -> None:
        """A propagation began or ended."""
        self._options.showRunning(running)

    def showProgress(self, done: int, total: int, slicesPerSecond: float) -> None:
        """A propagation got on."""
        self._options.showProgress(done, total, slicesPerSecond)
        self.showStrip()

    def showSegment(self) -> None:
        """The selected segment may have another colour, or a name that suggests something else."""
        if self._shown is not None:
            logic, views = self._shown
            views.recolor()
            self._options.offer.show(logic.terms)

    def showStrip(self) -> None:
        """Confidence along the axis of the view that the user works in."""
        if self._shown is None:
            return
        logic, views = self._shown
        where, grid = views.currentSlice(), logic.editor.grid()
        if where is not None and grid is not None:
            axis, index = where
            self._options.showDirections(grid.towards(logic.axisOf(logic.editor.selectedId) or axis))
            count = grid.shape[AXES.index(axis)]
            self._options.strip.show(logic.confidenceAlong(axis), count, index)
