"""The effect's widgets in the Segment Editor: what to do at the top, then prompts, review, and the rest."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from ..panel.Widgets import besides, button, flat
from ..SlicerTypes import Button, ScriptedEffect, Widget
from .AdvancedOptions import AdvancedOptions
from .ConfidenceStrip import ConfidenceStrip
from .Defaults import DEFAULTS, mend
from .StatusMessage import StatusMessage
from .TermOffer import TermOffer
from .TimeOptions import TimeOptions
from .ToolRow import TOOLS, ToolRow

if TYPE_CHECKING:
    from .EffectActions import EffectActions

GAP = 6
"""Pixels between sections."""


class EffectOptions:
    """Builds the options, in the order in which they are needed.

    Attributes:
        message: the sentence at the top.
        offer: a code and a colour for the segment.
        strip: how sure the network is, slice by slice.
    """

    def __init__(self, scriptedEffect: ScriptedEffect):
        self._effect = scriptedEffect
        self._actions: EffectActions | None = None
        self._buttons: list[Button] = []
        self.message = StatusMessage()
        self.strip = ConfidenceStrip(lambda index: self._do(lambda actions: actions.goToSlice(index)))
        self._advanced = AdvancedOptions(scriptedEffect)
        self._addAction()
        self._addPrompts()
        self._addReview()
        scriptedEffect.addOptionsWidget(self._advanced.widget)

    @staticmethod
    def setDefaults(scriptedEffect: ScriptedEffect) -> None:
        """Values of a new scene."""
        for name, value in DEFAULTS.items():
            scriptedEffect.setParameterDefault(name, value)

    def updateFromParameters(self) -> None:
        """Show the parameters."""
        mend(self._effect, "Tool", TOOLS.__contains__)
        self._tools.showTool(self._effect.parameter("Tool"))
        self._advanced.parameters.show()
        self._time.parameters.show()

    def updateToParameters(self) -> None:
        """Keep what the user chose."""
        self._advanced.parameters.keep()
        self._time.parameters.keep()

    def setActions(self, actions: "EffectActions | None") -> None:
        """What buttons and strip do (``EffectActions``); None for nothing."""
        self._actions = actions
        for each in self._buttons:
            each.enabled = actions is not None

    def showRunning(self, running: bool) -> None:
        """The button cancels while something runs."""
        self.propagateButton.text = _("Cancel") if running else _("Propagate")
        self.progress.visible = running
        if not running:
            self.progress.value = 0

    def showTime(self, isSequence: bool) -> None:
        """What concerns time is shown where there is any."""
        self._time.widget.visible = isSequence

    def showProgress(self, done: int, total: int, slicesPerSecond: float) -> None:
        """How far the propagation is."""
        self.progress.maximum = max(total, 1)
        self.progress.value = done
        text = _("{done} / {total}, {rate:.1f} slices/s")
        self.progress.format = text.format(done=done, total=total, rate=slicesPerSecond)

    def showDirections(self, side: str) -> None:
        """Name the directions of a propagation that counts slices towards a side of the patient."""
        self._advanced.showDirections(side)

    # Sections

    def _addAction(self) -> None:
        """What there is to know, and to do."""
        self.propagateButton = self._button(
            _("Propagate"), lambda actions: actions.propagateOrCancel(), _("Key: P")
        )
        self.progress = qt.QProgressBar()
        self.progress.accessibleName = _("Progress of the propagation")
        self.progress.visible = False
        action = qt.QWidget()
        layout = flat(qt.QHBoxLayout(action))
        layout.addWidget(self.propagateButton, 1)
        layout.addWidget(self.progress, 2)
        self.offer = TermOffer(
            self._button(
                _("Yes"),
                lambda actions: actions.acceptTerm(),
                _("Gives the segment its code in Slicer's terminology, as for DICOM, and the colour for it."),
            ),
            self._button(_("No"), lambda actions: actions.declineTerm(), _("Asks no more for this segment.")),
        )
        throughTime = self._button(
            _("Propagate through time"),
            lambda actions: actions.propagateThroughTime(),
            _("The segment, as it is at this time point, is carried to the others, one after the other."),
        )
        self._time = TimeOptions(self._effect, throughTime)
        self._addSection(self.message.widget, action, self._time.widget, self.offer.widget)

    def _addPrompts(self) -> None:
        """What the network is told."""
        self._tools = ToolRow(lambda tool: self._effect.setParameter("Tool", tool))
        painted = self._button(
            _("Use this slice"),
            lambda actions: actions.usePaintedSlice(),
            _("What is painted or imported on the slice shown becomes the prompt."),
        )
        finished = self._button(
            _("Use finished slices"),
            lambda actions: actions.useFinishedSlices(),
            _(
                "All slices along the view's direction on which the segment was painted or imported become "
                "prompts, and those that were propagated and accepted (A)."
            ),
        )
        reset = self._button(
            _("Reset"),
            lambda actions: actions.reset(),
            _("Removes seeds and voxels of this segment, to start anew; undo brings them back."),
        )
        self._addSection(self._tools, besides(painted, finished, reset))

    def _addReview(self) -> None:
        """What came of it, slice by slice."""
        doubtful = self._button(_("Next doubtful slice"), lambda actions: actions.nextDoubtful(), _("Key: N"))
        accept = self._button(_("Accept slice"), lambda actions: actions.acceptSlice(), _("Key: A"))
        self._addSection(self.strip, besides(doubtful, accept))

    def _addSection(self, *widgets: Widget) -> None:
        section = qt.QWidget()
        layout = flat(qt.QVBoxLayout(section))
        layout.setContentsMargins(0, 0, 0, GAP)
        for widget in widgets:
            layout.addWidget(widget)
        self._effect.addOptionsWidget(section)

    def _do(self, action: Callable[["EffectActions"], None]) -> None:
        if self._actions is not None:
            self._actions.do(action)

    def _button(self, text: str, action: Callable[["EffectActions"], None], toolTip: str) -> Button:
        made = button(text, lambda: self._do(action), toolTip)
        made.enabled = False
        self._buttons.append(made)
        return made
