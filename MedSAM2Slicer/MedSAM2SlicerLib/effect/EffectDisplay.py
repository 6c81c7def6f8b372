"""Where the logic's news are shown: message, button, progress bar, strip and slice views."""


class EffectDisplay:
    """The ``display`` of an ``EffectLogic``.

    Args:
        options: ``EffectOptions``.
    """

    def __init__(self, options):
        self._options = options
        self._logic = None
        self._views = None

    def open(self, logic, views) -> None:
        """Begin to draw in ``views`` (``EffectViews``) what ``logic`` knows."""
        self._logic, self._views = logic, views

    def close(self) -> None:
        """Draw no longer."""
        self._logic = self._views = None

    def redraw(self) -> None:
        """Something to draw has changed."""
        if self._views is not None:
            self._views.redraw()
            self.showStrip()

    def showMessage(self, text: str, isProblem: bool = False, log: str = "") -> None:
        """A sentence for the user, and what the backend wrote if that says more."""
        self._options.message.show(text, isProblem, log)

    def showRunning(self, running: bool) -> None:
        """A propagation began or ended."""
        self._options.showRunning(running)

    def showProgress(self, done: int, total: int, slicesPerSecond: float) -> None:
        """A propagation got on."""
        self._options.showProgress(done, total, slicesPerSecond)
        self.showStrip()

    def showStrip(self) -> None:
        """Confidence along the axis of the view that the user works in."""
        if self._views is None:
            return
        where, grid = self._views.currentSlice(), self._logic.editor.grid()
        if where is not None:
            axis, index = where
            count = grid.shape["kji".index(axis)]
            self._options.strip.show(self._logic.confidenceAlong(axis), count, index)
