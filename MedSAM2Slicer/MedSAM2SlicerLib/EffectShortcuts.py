"""The effect's keys: they exist while it is active, and are listed in its help."""

import qt
import slicer
from slicer.i18n import tr as _

KEYS = (
    ("P", "propagateOrCancel", "propagate, or cancel"),
    ("N", "nextDoubtful", "go to the next doubtful slice"),
    ("A", "acceptSlice", "accept the slice shown"),
    ("G", "largerView", "larger field of view"),
    ("S", "smallerView", "smaller field of view"),
    ("Del", "deleteSeed", "remove the seed under the mouse, or the last one"),
)
"""Key, name of what it does in ``EffectActions``, and how the help says it."""


def keysInWords() -> list[str]:
    """Lines of the help, HTML."""
    return [f"<b>{key}</b>: {_(text)}" for key, _name, text in KEYS]


class EffectShortcuts:
    """Keys that call ``do(name)``."""

    def __init__(self, do):
        self._shortcuts = [self._shortcut(key, lambda name=name: do(name)) for key, name, _text in KEYS]

    def close(self) -> None:
        """Free the keys: two shortcuts on one key would make Qt answer neither."""
        for shortcut in self._shortcuts:
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._shortcuts = []

    @staticmethod
    def _shortcut(key: str, action):
        shortcut = qt.QShortcut(slicer.util.mainWindow())
        shortcut.setKey(qt.QKeySequence(key))
        shortcut.connect("activated()", action)
        return shortcut
