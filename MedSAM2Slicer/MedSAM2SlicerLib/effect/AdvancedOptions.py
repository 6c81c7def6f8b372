"""Options that most users leave as they are, folded away below the others."""

import re

import ctk
import qt
from slicer.i18n import tr as _

from ..backend.BackendSettings import GROUP
from ..SlicerTypes import ScriptedEffect, Widget
from .ParameterWidgets import ParameterWidgets

UNFOLDED = f"{GROUP}/advancedOptionsUnfolded"
"""The application's setting that remembers whether they are shown."""

OPPOSITE = dict(zip("RASLPI", "LPIRAS", strict=True))


class AdvancedOptions:
    """Of a propagation, and of what the network is shown.

    Attributes:
        widget: to be put into a layout.
        parameters: what the widgets show and change.
    """

    def __init__(self, scriptedEffect: ScriptedEffect):
        self._effect = scriptedEffect
        self._side = "S"
        self.parameters = ParameterWidgets(scriptedEffect, self._showWhatCounts)
        self.widget = ctk.ctkCollapsibleGroupBox()
        self.widget.title = _("Advanced")
        body = qt.QWidget()  # so that folding leaves alone which rows are shown
        qt.QVBoxLayout(self.widget).addWidget(body)
        self._form = qt.QFormLayout(body)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setRowWrapPolicy(qt.QFormLayout.WrapLongRows)
        self._addOptions()
        self.widget.collapsed = str(qt.QSettings().value(UNFOLDED)) != "1"
        self.widget.connect("toggled(bool)", lambda isOpen: qt.QSettings().setValue(UNFOLDED, int(isOpen)))

    def _addOptions(self) -> None:
        parameters = self.parameters
        self._direction = parameters.choice("Direction", _directions(self._side))
        self._addLabelled(_("Propagate:"), self._direction)
        counted = _("Slices are counted from 0, as in the strip above.")
        first = parameters.number("FirstSlice", _("First slice"), counted)
        last = parameters.number("LastSlice", _("Last slice"), counted)
        self._rangeRow = _row(*_rangeInWords(first, last))
        self._form.addRow(self._rangeRow)
        stops = parameters.check("StopWhenAbsent", _("Stop when the object has ended"))
        self._form.addRow(stops)
        gone = _(
            "After so many slices without the object a direction ends. "
            "Take more for an object that is missing on some slices and comes back."
        )
        title = _("Empty slices before that:")
        self._absentStop = parameters.number("AbsentStop", title, gone, minimum=1)
        self._addLabelled(title, self._absentStop)
        ways = _(
            "What was found slice by slice is looked for again in the slices across, and all answers are "
            "averaged; where they disagree the strip above shows a slice as doubtful. All three planes take "
            "three times as long, and up to ten times in scans of few slices; both ways, twice that."
        )
        self._addLabelled(_("Track through:"), parameters.choice("Orientations", _orientations(), ways))
        everySegment = parameters.check("AllSegments", _("All segments that have seeds"))
        self._form.addRow(everySegment)
        self._addLabelled(_("Intensities:"), parameters.choice("Window", _windows()))
        compared = _(
            "Each new slice is compared with those that have seeds and, besides, with the slices just before "
            "it; or with those, of all before, that the network was sure of and that look most different."
        )
        self._addLabelled(_("Compare with:"), parameters.choice("Memory", _memories(), compared))

    def showDirections(self, side: str) -> None:
        """Name directions after the side of the patient (R, L, A, P, S or I) that slices are counted to."""
        if side != self._side:
            self._side = side
            for number, text in enumerate(_directions(side).values()):
                self._direction.setItemText(number, text)

    def _addLabelled(self, text: str, widget: Widget) -> None:
        label = qt.QLabel(text)
        label.setBuddy(widget)  # its name to screen readers
        self._form.addRow(label, widget)

    def _showWhatCounts(self) -> None:
        """What other parameters leave without effect is hidden, or cannot be changed."""
        self._rangeRow.visible = self._effect.parameter("Direction") == "range"
        self._absentStop.enabled = bool(self._effect.integerParameter("StopWhenAbsent"))


def _rangeInWords(first: Widget, last: Widget) -> list[Widget]:
    """The boxes within a sentence, whose order is the language's."""
    boxes = {"{first}": first, "{last}": last}
    parts = re.split(r"({\w+})", _("Slices from {first} to {last}"))
    return [boxes[part] if part in boxes else qt.QLabel(part.strip()) for part in parts if part.strip()]


def _row(*widgets: Widget) -> Widget:
    row = qt.QWidget()
    layout = qt.QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    return row


def _directions(side: str) -> dict[str, str]:
    sides = {
        "R": _("only to the right"),
        "L": _("only to the left"),
        "A": _("only to the front"),
        "P": _("only to the back"),
        "S": _("only to the head"),
        "I": _("only to the feet"),
    }
    return {
        "both": _("both ways"),
        "forward": sides[side],
        "backward": sides[OPPOSITE[side]],
        "range": _("slice range"),
    }


def _orientations() -> dict[str, str]:
    return {"1": _("one plane"), "3": _("all three planes"), "6": _("all three, both ways")}


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
    return {"temporal": _("slices just before"), "self-sorting": _("the surest slices")}
