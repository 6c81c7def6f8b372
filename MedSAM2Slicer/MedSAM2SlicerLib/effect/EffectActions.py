"""What the user can do in the active effect by button or key, and when a gesture may begin."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import slicer
from slicer.i18n import tr as _

from medsam2.orientations import Orientations
from medsam2.propagation_options import PropagationOptions

from ..logic.TimePlan import TimeError, TimePlan, planThroughTime
from ..SlicerTypes import ScriptedEffect
from .SeedGestures import SeedGestures
from .ToolRow import CLICK

if TYPE_CHECKING:
    from ..logic.EffectLogic import EffectLogic
    from .EffectDisplay import EffectDisplay
    from .EffectViews import EffectViews
    from .StatusMessage import StatusMessage


def chosenPropagation(scriptedEffect: ScriptedEffect) -> PropagationOptions:
    """What the user chose; the ends of a range in either order."""
    number, direction = scriptedEffect.integerParameter, scriptedEffect.parameter("Direction")
    absentStop = number("AbsentStop") if number("StopWhenAbsent") else None
    several: dict[int, Orientations] = {3: 3, 6: 6}
    ways = several.get(number("Orientations"), 1)
    options = PropagationOptions(absent_stop=absentStop, orientations=ways)
    if direction != "range":
        return replace(options, direction=direction)
    first, last = sorted((number("FirstSlice"), number("LastSlice")))
    return replace(options, first=first, last=last)


class EffectActions:
    """What the buttons of ``EffectOptions`` and the keys of ``EffectShortcuts`` do.

    Args:
        message: its problem ends where the user begins something.
    """

    def __init__(
        self,
        scriptedEffect: ScriptedEffect,
        logic: "EffectLogic",
        views: "EffectViews",
        display: "EffectDisplay",
        message: "StatusMessage",
    ):
        self._effect = scriptedEffect
        self._logic = logic
        self._views = views
        self._display = display
        self._message = message
        self.gestures = SeedGestures(logic.seeding, self._mayBegin, self._chosenTool)

    def do(self, action: Callable[["EffectActions"], None]) -> None:
        """Do what a button or key stands for; a problem that was shown has been read by now."""
        self._goOn()
        action(self)
        self.gestures.abortIfOutdated()

    def _mayBegin(self) -> bool:
        """Whether a click may change the segment; one that was answered by a dialog does nothing else."""
        self._goOn()
        if self._logic.throughTime.running:
            return False
        answer = self._effect.confirmCurrentSegmentVisible()
        editor = slicer.qSlicerSegmentEditorAbstractEffect
        return answer not in (editor.NotConfirmed, editor.ConfirmedWithDialog)

    def mayClickNext(self) -> bool:
        """Whether the mouse may be about to click, rather than to draw, where the backend can be told."""
        return self._logic.ahead.isHeard and self._chosenTool() == CLICK and not self.gestures.hasBegun

    def _goOn(self) -> None:
        """A problem that was shown has been read."""
        if self._message.clearProblem():
            self._logic.sayHint()

    def _chosenTool(self) -> str:
        return self._effect.parameter("Tool")

    def sceneChanged(self) -> None:
        """Segments, volume or parameters may be others: what was begun for the former ones is over."""
        self.gestures.abortIfOutdated()
        self._display.redraw()

    # Seeds

    def chooseTool(self, tool: str) -> None:
        """What a drag draws from now on, of ``TOOLS``."""
        self._effect.setParameter("Tool", tool)

    def reset(self) -> None:
        """Start the segment anew."""
        self._logic.reset()

    def acceptTerm(self) -> None:
        """Give the segment the code and the colour that are offered."""
        self._logic.terms.accept()

    def declineTerm(self) -> None:
        """Offer them no more."""
        self._logic.terms.decline()

    def usePaintedSlice(self) -> None:
        """What is painted on the slice shown becomes the prompt."""
        pipeline = self._views.latest
        if pipeline is not None:
            self._logic.seeding.addPainted(pipeline.middle, pipeline.normal)

    def useFinishedSlices(self) -> None:
        """All slices along the view's axis that are finished become prompts."""
        pipeline = self._views.latest
        if pipeline is not None:
            self._logic.seeding.addFinished(pipeline.normal)

    def resizeFieldOfView(self, larger: bool) -> None:
        """Show the network more, or less."""
        self._logic.seeding.resizeFieldOfView(larger)

    # Propagation and review

    def propagateOrCancel(self) -> None:
        """Propagate, or cancel what runs."""
        if self._logic.running:
            self._logic.cancel()
            return
        allSegments = bool(self._effect.integerParameter("AllSegments"))
        self._logic.propagate(chosenPropagation(self._effect), allSegments)

    def propagateThroughTime(self) -> None:
        """Carry the segment to other time points."""
        if self._logic.running:
            return
        editor, where = self._logic.editor, self._views.currentSlice()
        axis = self._logic.axisOf(editor.selectedId) or ("k" if where is None else where[0])
        try:
            plan = planThroughTime(editor, self._effect.parameter("TimeDirection"), axis)
        except TimeError as error:
            self._display.showMessage(str(error), True)
            return
        if not plan.contents or _mayReplace(plan):
            chosen = chosenPropagation(self._effect)
            options = PropagationOptions(absent_stop=chosen.absent_stop, orientations=chosen.orientations)
            self._logic.propagateThroughTime(plan, options)

    def goToSlice(self, sliceIndex: int) -> None:
        """Show a slice in the view that the user works in."""
        self._views.goTo(sliceIndex)

    def nextDoubtful(self) -> None:
        """Go to the slice with the lowest confidence that was not accepted yet."""
        where = self._views.currentSlice()
        index = None if where is None else self._logic.confidenceAlong(where[0]).nextDoubtful()
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
            self._logic.confidenceAlong(where[0]).accept(where[1])
            self._display.showStrip()


def _mayReplace(plan: TimePlan) -> bool:
    """Ask: no undo brings back what another time point had."""
    text = _(
        "The segment has voxels at some of these time points ({count}), the first of them {name}. They are "
        "replaced, and undo does not bring them back."
    )
    text = text.format(count=len(plan.contents), name=plan.names[next(iter(plan.contents))])
    return slicer.util.confirmOkCancelDisplay(text, windowTitle=_("Propagate through time"))
