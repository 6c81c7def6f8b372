"""Widgets that show parameters of the effect and change them."""

from collections.abc import Callable

import qt

from ..panel.Widgets import explain
from ..SlicerTypes import ScriptedEffect, Widget
from .Defaults import mend

HIGHEST = 99999


class ParameterWidgets:
    """Makes a widget for each parameter, and keeps both in step.

    Args:
        onChange: called when parameters were shown or changed.
    """

    def __init__(self, scriptedEffect: ScriptedEffect, onChange: Callable[[], None]):
        self._effect = scriptedEffect
        self._onChange = onChange
        self._updating = False
        self._isPossible: dict[str, Callable[[str], bool]] = {}
        self._shows: list[Callable[[], None]] = []  # for each parameter: its widget shows it,
        self._keeps: list[Callable[[], None]] = []  # and it becomes what the widget says

    def show(self) -> None:
        """Show the parameters; those that no widget can show become their defaults first."""
        for name, isPossible in self._isPossible.items():
            mend(self._effect, name, isPossible)
        self._updating = True
        for show in self._shows:
            show()
        self._updating = False
        self._onChange()

    def keep(self) -> None:
        """Keep what the user chose."""
        if self._updating:
            return
        for keep in self._keeps:
            keep()
        self._onChange()

    def choice(self, name: str, values: dict[str, str], toolTip: str = "") -> Widget:
        """One of several values (keys), shown as texts."""
        box = qt.QComboBox()
        for data, text in values.items():
            box.addItem(text, data)
        explain(box, toolTip)
        box.connect("currentIndexChanged(int)", lambda _index: self.keep())
        self._isPossible[name] = values.__contains__
        self._shows.append(lambda: box.setCurrentIndex(box.findData(self._effect.parameter(name))))
        self._keeps.append(lambda: self._effect.setParameter(name, box.itemData(box.currentIndex)))
        return box

    def number(self, name: str, title: str, toolTip: str, minimum: int = 0) -> Widget:
        """A whole number; the title is for screen readers."""
        box = qt.QSpinBox()
        box.minimum, box.maximum = minimum, HIGHEST
        box.accessibleName = title
        explain(box, toolTip)
        box.connect("valueChanged(int)", lambda _value: self.keep())
        self._isPossible[name] = lambda text: text.isdecimal() and minimum <= int(text) <= HIGHEST
        self._shows.append(lambda: box.setValue(self._effect.integerParameter(name)))
        self._keeps.append(lambda: self._effect.setParameter(name, box.value))
        return box

    def check(self, name: str, text: str) -> Widget:
        """Yes or no, as 1 or 0."""
        box = qt.QCheckBox(text)
        box.connect("toggled(bool)", lambda _checked: self.keep())
        self._isPossible[name] = ("0", "1").__contains__
        self._shows.append(lambda: box.setChecked(bool(self._effect.integerParameter(name))))
        self._keeps.append(lambda: self._effect.setParameter(name, int(box.checked)))
        return box
