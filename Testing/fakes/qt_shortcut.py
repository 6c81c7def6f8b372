"""``qt.QShortcut``, and keys that reach it without a window that has the focus.

Qt's rules: a shortcut lives while it is enabled and has a parent; two live ones on one key are ambiguous
and neither fires.
"""

import weakref

import shiboken6
from PySide6 import QtGui

from .journal import JOURNAL

_all = weakref.WeakSet()


class QShortcut(QtGui.QShortcut):
    """A real QShortcut that can also be pressed by ``pressShortcut``."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        _all.add(self)
        if self.parent() is None:
            JOURNAL.critical("QShortcut: No window parent defined")


def liveShortcuts(key: str | None = None) -> list:
    """The shortcuts that would answer, of one key or of all."""
    wanted = None if key is None else QtGui.QKeySequence(key)
    return [
        each
        for each in list(_all)
        if shiboken6.isValid(each)
        and each.parent() is not None
        and each.enabled
        and (wanted is None or each.key == wanted)
    ]


def pressShortcut(key: str) -> bool:
    """Press a key; returns whether a shortcut took it, so that no view sees it."""
    live = liveShortcuts(key)
    if len(live) == 1:
        live[0].activated.emit()
    elif live:
        JOURNAL.critical(f"QAction::event: Ambiguous shortcut overload: {key}")
    return bool(live)


def forgetShortcuts():
    """Take away every shortcut that a test left behind."""
    for each in liveShortcuts():
        each.setParent(None)
    _all.clear()
