"""The effect's keys: they exist while it is active, and are listed in its help."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import qt
from slicer.i18n import tr as _

from ..SlicerTypes import Shortcut, Widget
from .ToolRow import BOX, CLICK, LASSO, STROKE

if TYPE_CHECKING:
    from .EffectActions import EffectActions

KEYS: dict[str, Callable[["EffectActions"], None]] = {
    "P": lambda actions: actions.propagateOrCancel(),
    "N": lambda actions: actions.nextDoubtful(),
    "A": lambda actions: actions.acceptSlice(),
    "G": lambda actions: actions.resizeFieldOfView(larger=True),
    "S": lambda actions: actions.resizeFieldOfView(larger=False),
    "C": lambda actions: actions.chooseTool(CLICK),
    "X": lambda actions: actions.chooseTool(BOX),
    "D": lambda actions: actions.chooseTool(STROKE),
    "L": lambda actions: actions.chooseTool(LASSO),
    "Del": lambda actions: actions.gestures.deleteSeed(),
}


def keysInWords() -> list[str]:
    """Lines of the help, HTML."""
    return [
        _("<b>P</b>: propagate, or cancel"),
        _("<b>N</b>: go to the next doubtful slice; <b>A</b>: accept the slice shown"),
        _("<b>G</b>, <b>S</b>: larger or smaller field of view"),
        _("<b>C</b>, <b>X</b>, <b>D</b>, <b>L</b>: tools for clicks, boxes, strokes (draw), lassos"),
        _("<b>Del</b>: remove the seed or line under the mouse, or the last one"),
        _("<b>Ctrl + Z</b>, <b>Ctrl + Y</b>: undo and redo, seeds as well as voxels"),
    ]


class EffectShortcuts:
    """Keys that call ``do`` of ``EffectActions``.

    Where the effect is active in two editors at once, the one that was activated last has the keys: Qt
    answers neither of two shortcuts on one key.

    Args:
        window: widget in whose window the keys are heard.
    """

    _inUse: ClassVar[list["EffectShortcuts"]] = []

    def __init__(self, window: Widget, do: Callable[[Callable[["EffectActions"], None]], None]):
        self._shortcuts = [self._shortcut(window, key, partial(do, action)) for key, action in KEYS.items()]
        for earlier in self._inUse:
            earlier._enable(False)
        self._inUse.append(self)

    def close(self) -> None:
        """Free the keys; an effect that had them before gets them back."""
        for shortcut in self._shortcuts:
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._inUse.remove(self)
        if self._inUse:
            self._inUse[-1]._enable(True)

    def _enable(self, enabled: bool) -> None:
        for shortcut in self._shortcuts:
            shortcut.enabled = enabled

    @staticmethod
    def _shortcut(window: Widget, key: str, action: Callable[[], None]) -> Shortcut:
        shortcut = qt.QShortcut(window)
        shortcut.setKey(qt.QKeySequence(key))
        shortcut.connect("activated()", action)
        return shortcut
