"""The effect's widgets in the Segment Editor, and the parameters that they show."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from ..SlicerTypes import Button, ScriptedEffect, Widget
from .ConfidenceStrip import ConfidenceStrip
from .StatusMessage import StatusMessage
from .ToolRow import CLICK, ToolRow

if TYPE_CHECKING:
    from .EffectActions import EffectActions

DEFAULTS = {
    "Tool": CLICK,
    "Direction": "both",
    "Window": "auto",
    "Memory": "temporal",
    "StopWhenAbsent": 1,
    "AbsentStop": 2,
    "AllSegments": 0,
    "FirstSlice": 0,
    "LastSlice": 0,
}


class EffectOptions:
    """Builds the options and keeps them in step with the effect's parameters."""

    def __init__(self, scriptedEffect: ScriptedEffect):
        self._effect = scriptedEffect
        self._actions: EffectActions | None = None
        self._updating = False
        self._buttons: list[Button] = []
        self._shows: list[Callable[[], None]] = []  # for each parameter: its widget shows it,
        self._keeps: list[Callable[[], None]] = []  # and it becomes what the widget says
        self.message = StatusMessage()
        self.propagateButton = self._button(
            _("Propagate"), lambda actions: actions.propagateOrCancel(), _("Key: P")
        )
        self.progress = qt.QProgressBar()
        self.progress.visible = False
        self.strip = ConfidenceStrip(lambda index: self._do(lambda actions: actions.goToSlice(index)))
        scriptedEffect.addOptionsWidget(self.message.widget)
        scriptedEffect.addOptionsWidget(self._row(self.propagateButton, self.progress))
        scriptedEffect.addOptionsWidget(self._tools())
        scriptedEffect.addOptionsWidget(self.strip)
        scriptedEffect.addOptionsWidget(
            self._row(
                self._button(_("Next doubtful slice"), lambda actions: actions.nextDoubtful(), _("Key: N")),
                self._button(_("Accept slice"), lambda actions: actions.acceptSlice(), _("Key: A")),
            )
        )
        scriptedEffect.addOptionsWidget(
            self._row(
                self._button(
                    _("Use this slice of the segment"),
                    lambda actions: actions.usePaintedSlice(),
                    _("What is painted or imported on the slice shown becomes the prompt."),
                ),
                self._button(_("Remove all seeds"), lambda actions: actions.clearSeeds(), ""),
            )
        )
        self._choice("Direction", _directions(), _("Propagate:"))
        counted = _("Slices are counted from 0 along the view's direction.")
        first, last = self._number("FirstSlice", counted), self._number("LastSlice", counted)
        self._rangeRow = self._row(*self._rangeInWords(first, last))
        scriptedEffect.addOptionsWidget(self._rangeRow)
        self._choice("Window", _windows(), _("Intensities:"))
        self._choice("Memory", _memories(), _("Remember:"))
        self._check("StopWhenAbsent", _("Stop when the object has ended"))
        gone = _(
            "After so many slices without the object a direction ends. "
            "Take more for an object that is missing on some slices and comes back."
        )
        absentStop = self._number("AbsentStop", gone, minimum=1)
        self._absentStopRow = self._row(qt.QLabel(_("Empty slices before that:")), absentStop)
        scriptedEffect.addOptionsWidget(self._absentStopRow)
        self._check("AllSegments", _("All segments that have seeds"))

    @staticmethod
    def setDefaults(scriptedEffect: ScriptedEffect) -> None:
        """Values of a new scene."""
        for name, value in DEFAULTS.items():
            scriptedEffect.setParameterDefault(name, value)

    def updateFromParameters(self) -> None:
        """Show the parameters."""
        self._updating = True
        for show in self._shows:
            show()
        self._updating = False
        self._showWhatCounts()

    def updateToParameters(self) -> None:
        """Keep what the user chose."""
        if self._updating:
            return
        for keep in self._keeps:
            keep()
        self._showWhatCounts()

    def _showWhatCounts(self) -> None:
        """What other parameters leave without effect is hidden, or cannot be changed."""
        self._rangeRow.visible = self._effect.parameter("Direction") == "range"
        self._absentStopRow.enabled = bool(self._effect.integerParameter("StopWhenAbsent"))

    def setActions(self, actions: "EffectActions | None") -> None:
        """What buttons and strip do (``EffectActions``); None for nothing."""
        self._actions = actions
        for button in self._buttons:
            button.enabled = actions is not None

    def showRunning(self, running: bool) -> None:
        """The button cancels while something runs."""
        self.propagateButton.text = _("Cancel") if running else _("Propagate")
        self.progress.visible = running
        if not running:
            self.progress.value = 0

    def showProgress(self, done: int, total: int, slicesPerSecond: float) -> None:
        """How far the propagation is."""
        self.progress.maximum = max(total, 1)
        self.progress.value = done
        text = _("{done} / {total}, {rate:.1f} slices/s")
        self.progress.format = text.format(done=done, total=total, rate=slicesPerSecond)

    def _do(self, action: Callable[["EffectActions"], None]) -> None:
        if self._actions is not None:
            self._actions.do(action)

    def _button(self, text: str, action: Callable[["EffectActions"], None], toolTip: str) -> Button:
        button = qt.QPushButton(text)
        button.toolTip = toolTip
        button.enabled = False
        button.connect("clicked()", lambda: self._do(action))
        self._buttons.append(button)
        return button

    def _tools(self) -> Widget:
        row = ToolRow(lambda tool: self._effect.setParameter("Tool", tool))
        self._shows.append(lambda: row.showTool(self._effect.parameter("Tool")))
        return row

    def _choice(self, name: str, values: dict[str, str], label: str) -> None:
        box = qt.QComboBox()
        for data, text in values.items():
            box.addItem(text, data)
        box.connect("currentIndexChanged(int)", lambda _index: self.updateToParameters())
        self._effect.addLabeledOptionsWidget(label, box)
        self._shows.append(lambda: box.setCurrentIndex(box.findData(self._effect.parameter(name))))
        self._keeps.append(lambda: self._effect.setParameter(name, box.itemData(box.currentIndex)))

    def _number(self, name: str, toolTip: str, minimum: int = 0) -> Widget:
        number = qt.QSpinBox()
        number.minimum, number.maximum = minimum, 99999
        number.toolTip = toolTip
        number.connect("valueChanged(int)", lambda _value: self.updateToParameters())
        self._shows.append(lambda: number.setValue(self._effect.integerParameter(name)))
        self._keeps.append(lambda: self._effect.setParameter(name, number.value))
        return number

    def _check(self, name: str, text: str) -> None:
        check = qt.QCheckBox(text)
        check.connect("toggled(bool)", lambda _checked: self.updateToParameters())
        self._effect.addOptionsWidget(check)
        self._shows.append(lambda: check.setChecked(bool(self._effect.integerParameter(name))))
        self._keeps.append(lambda: self._effect.setParameter(name, int(check.checked)))

    @staticmethod
    def _rangeInWords(first: Widget, last: Widget) -> list[Widget]:
        """The boxes within a sentence, whose order is the language's."""
        boxes = {"{first}": first, "{last}": last}
        parts = re.split(r"({\w+})", _("Slices from {first} to {last}"))
        return [boxes[part] if part in boxes else qt.QLabel(part.strip()) for part in parts if part.strip()]

    def _row(self, *widgets: Widget) -> Widget:
        row = qt.QWidget()
        layout = qt.QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in widgets:
            layout.addWidget(widget)
        return row


def _directions() -> dict[str, str]:
    return {
        "both": _("both ways"),
        "forward": _("up only"),
        "backward": _("down only"),
        "range": _("slice range"),
    }


def _windows() -> dict[str, str]:
    return {
        "auto": _("automatic"),
        "view": _("as shown in the views"),
        "soft-tissue": _("CT soft tissue"),
        "lung": _("CT lung"),
        "bone": _("CT bone"),
        "brain": _("CT brain"),
    }


def _memories() -> dict[str, str]:
    return {"temporal": _("neighbouring slices"), "self-sorting": _("the most telling slices")}
