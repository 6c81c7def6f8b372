"""What the user can do in the active effect, by mouse, button or key."""

import slicer
from slicer.i18n import tr as _

from ..logic.Propagation import PropagationChoice
from .SeedGestures import SeedGestures


class EffectActions:
    """The ``Actions`` of ``SeedGestures``, and what ``EffectOptions`` and ``EffectShortcuts`` call by name.

    Args:
        scriptedEffect: the adaptor.
        session: ``EffectLogic``.
        views: ``EffectViews``.
        display: ``EffectDisplay``.
        message: ``StatusMessage``, whose problem ends where the user begins something.

    Attributes:
        gestures: ``SeedGestures``.
    """

    def __init__(self, scriptedEffect, session, views, display, message):
        self._effect = scriptedEffect
        self._session = session
        self._views = views
        self._display = display
        self._message = message
        self.gestures = SeedGestures(self, self._mayBegin)

    def do(self, name: str, *arguments) -> None:
        """Do what a button or key stands for."""
        self._goOn()
        getattr(self, name)(*arguments)

    def _mayBegin(self) -> bool:
        """Whether a click may change the segment; one that was answered by a dialog does nothing else."""
        self._goOn()
        answer = self._effect.confirmCurrentSegmentVisible()
        editor = slicer.qSlicerSegmentEditorAbstractEffect
        return answer not in (editor.NotConfirmed, editor.ConfirmedWithDialog)

    def _goOn(self) -> None:
        """A problem that was shown has been read."""
        if self._message.clearProblem():
            self._session.sayHint()

    # Seeds

    def seedPlaces(self) -> list:
        """RAS of all seeds of the current segment."""
        return [seed.ras for seed in self._session.seeding.seeds()]

    def addSeed(self, pipeline, ras, positive: bool) -> None:
        """Place a seed."""
        self._session.seeding.addPoint(ras, pipeline.normal, positive)

    def removeSeed(self, index: int) -> None:
        """Remove a seed."""
        self._session.seeding.remove(index)

    def moveSeed(self, index: int, ras) -> None:
        """Move a seed."""
        self._session.seeding.move(index, ras)

    def addBox(self, pipeline, corners) -> None:
        """Draw a box."""
        self._session.seeding.addBox(corners[0], corners[2], pipeline.normal)

    def showBox(self, corners) -> None:
        """The box that is being dragged."""
        self._views.draggedBox = corners
        self._display.redraw()

    def deleteSeed(self) -> None:
        """Remove the seed under the mouse, or the last one."""
        self.gestures.deleteSeed()

    def clearSeeds(self) -> None:
        """Remove all seeds of the segment."""
        self._session.seeding.clear()
        self._session.cancel()

    def usePaintedSlice(self) -> None:
        """What is painted on the slice shown becomes the prompt."""
        pipeline = self._views.latest
        if pipeline is not None:
            self._session.seeding.addPainted(pipeline.middle, pipeline.normal)

    def largerView(self) -> None:
        """Show the network more."""
        self._session.seeding.resizeView(larger=True)

    def smallerView(self) -> None:
        """Show the network less."""
        self._session.seeding.resizeView(larger=False)

    # Propagation and review

    def propagateOrCancel(self) -> None:
        """Propagate, or cancel what runs."""
        if self._session.running:
            self._session.cancel()
            return
        number = self._effect.integerParameter
        self._session.propagate(
            PropagationChoice(
                self._effect.parameter("Direction"),
                number("FirstSlice"),
                number("LastSlice"),
                bool(number("AllSegments")),
                bool(number("StopWhenAbsent")),
            )
        )

    def goToSlice(self, sliceIndex: int) -> None:
        """Show a slice in the view that the user works in."""
        self._views.goTo(sliceIndex)

    def nextDoubtful(self) -> None:
        """Go to the slice with the lowest confidence that was not accepted yet."""
        where = self._views.currentSlice()
        index = None if where is None else self._session.confidenceAlong(where[0]).nextDoubtful()
        if index is None:
            text = _("No slice is left to check: all are accepted, or nothing is propagated yet.")
            self._display.showMessage(text)
            return
        self._views.goTo(index)
        text = _("Slice {index} is the least certain: add seeds, or accept it (A).")
        self._display.showMessage(text.format(index=index))

    def acceptSlice(self) -> None:
        """Tick the slice shown."""
        where = self._views.currentSlice()
        if where is not None:
            self._session.confidenceAlong(where[0]).accept(where[1])
            self._display.showStrip()
