"""The keys that the Segment Editor takes while its module is open."""

import qt

SELECT_PREVIOUS = ("Q", "/", ",", ">")
SELECT_NEXT = ("W", "*", ".", "<")
UNDO, REDO = ("Z", "Ctrl+Z"), ("Y", "Ctrl+Y")
LAST_EFFECT = -1


class EditorShortcuts:
    """Mixin of the editor."""

    def installKeyboardShortcuts(self, parent=None):
        self.uninstallKeyboardShortcuts()
        parent = parent or qt.QApplication.activeWindow() or self.window()
        for key, function in self._keys():
            shortcut = qt.QShortcut(qt.QKeySequence(key), parent)
            shortcut.connect("activated()", function)
            self._shortcuts.append(shortcut)

    def uninstallKeyboardShortcuts(self):
        for shortcut in self._shortcuts:
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._shortcuts.clear()

    def _keys(self):
        for number in range(1, 11):
            yield str(number % 10), lambda number=number: self._selectEffectNumber(number)
            yield f"Shift+{number % 10}", lambda number=number: self._selectEffectNumber(number + 10)
        yield "Esc", lambda: self._selectEffectNumber(0)
        yield "Space", lambda: self._selectEffectNumber(LAST_EFFECT)
        yield from ((key, self.undo) for key in UNDO)
        yield from ((key, self.redo) for key in REDO)
        yield from ((key, self.selectPreviousSegment) for key in SELECT_PREVIOUS)
        yield from ((key, self.selectNextSegment) for key in SELECT_NEXT)
        yield "I", self._logic.ToggleSourceVolumeIntensityMask

    def _selectEffectNumber(self, number: int):
        """Number 0 is no effect; the active effect's own number ends it."""
        if self.readOnly:
            return
        if number == LAST_EFFECT:
            self.setActiveEffect(self._lastEffect)
            return
        inOrder = [None, *self._effects]
        selected = inOrder[number] if number < len(inOrder) else None
        self.setActiveEffect(None if selected is self._activeEffect else selected)
