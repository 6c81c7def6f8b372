"""Thumbnails of many images, of which those in sight are drawn; keys decide on the chosen one."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import qt
from slicer.i18n import tr as _

from ..SlicerTypes import Event, Icon, Widget

SIDE = 144
"""Pixels of a thumbnail."""
CELL_WIDTH, CELL_HEIGHT, HEIGHT = 158, 186, 400
LOOK_MILLISECONDS, HOLD_SECONDS = 15, 0.03
"""How soon thumbnails are drawn, and for how long at a time."""
KEPT = 400
"""Thumbnails; a set of ten thousand would take a gigabyte."""
ACCEPT, REJECT, ABSENT, CORRECT, UNDO = "accept", "reject", "absent", "correct", "undo"


def keys() -> dict[tuple[int, bool], str]:
    """What each key does, by its number and whether Ctrl is down."""
    return {
        (qt.Qt.Key_Return, False): ACCEPT,
        (qt.Qt.Key_Enter, False): ACCEPT,
        (qt.Qt.Key_Backspace, False): REJECT,
        (qt.Qt.Key_Delete, False): REJECT,
        (qt.Qt.Key_R, False): REJECT,
        (qt.Qt.Key_A, False): ABSENT,
        (qt.Qt.Key_C, False): CORRECT,
        (qt.Qt.Key_Z, True): UNDO,
    }


class ReviewGrid:
    """Knows names only; what belongs to them it asks for when they come into sight.

    Args:
        iconOf: the thumbnail of an image.
        wordsOf: what is said of an image: below its thumbnail, and in its tool tip.
        onAction: called with one of the actions for the chosen image.
        onChosen: called when another image is chosen.

    Attributes:
        widget: the list; keys count while it has the focus.
    """

    def __init__(
        self,
        iconOf: Callable[[str], Icon],
        wordsOf: Callable[[str], tuple[str, str]],
        onAction: Callable[[str], None],
        onChosen: Callable[[], None],
    ):
        self._iconOf, self._wordsOf, self._onAction = iconOf, wordsOf, onAction
        self._names: list[str] = []
        self._rows: dict[str, int] = {}
        self._drawn: set[int] = set()
        self.widget = _list()
        self._filter = _KeyFilter(self._onKey, self.look)
        self.widget.installEventFilter(self._filter)
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(LOOK_MILLISECONDS)
        self._timer.connect("timeout()", self._drawSome)
        self.widget.verticalScrollBar().connect("valueChanged(int)", self.look)
        self.widget.connect("currentRowChanged(int)", onChosen)
        self.widget.connect("itemDoubleClicked(QListWidgetItem*)", lambda: onAction(CORRECT))

    def cleanup(self) -> None:
        """Draw nothing more."""
        self._timer.stop()

    def show(self, names: list[str]) -> None:
        """Other images; the chosen one stays chosen if it is among them, else the first one is."""
        chosen = self.chosen
        self._names, self._rows = names, {name: row for row, name in enumerate(names)}
        self._drawn.clear()
        self.widget.clear()
        self.widget.addItems(names)
        if names:  # Qt gives all the size of the last one, which has no thumbnail yet
            self.widget.item(len(names) - 1).setSizeHint(qt.QSize(CELL_WIDTH, CELL_HEIGHT))
        self.choose(chosen if chosen in self._rows else names[0] if names else "")
        self.look()

    @property
    def chosen(self) -> str:
        """The name of the chosen image; empty for none."""
        row = self.widget.currentRow
        return self._names[row] if 0 <= row < len(self._names) else ""

    def choose(self, name: str) -> None:
        """Choose an image, and bring it into sight."""
        row = self._rows.get(name, -1)
        if row >= 0:
            self.widget.setCurrentRow(row)
            self.widget.scrollToItem(self.widget.item(row))

    def next(self, isWanted: Callable[[str], bool]) -> str:
        """The next image after the chosen one, from the end on to the beginning, that is wanted; or none."""
        here = self._rows.get(self.chosen, -1) + 1
        return next((each for each in self._names[here:] + self._names[:here] if isWanted(each)), "")

    def refresh(self, names: Iterable[str]) -> None:
        """Something about these images has changed."""
        for name in names:
            self._drawn.discard(self._rows.get(name, -1))
        self.look()

    # Drawing

    def look(self) -> None:
        """Draw soon what is in sight and was not drawn yet."""
        if not self._timer.active:
            self._timer.start()

    def _drawSome(self) -> None:
        if not self.widget.visible:
            return
        end = time.perf_counter() + HOLD_SECONDS
        inSight = self._inSight()
        for row in inSight:
            if row in self._drawn:
                continue
            if time.perf_counter() > end:
                self.look()
                break
            self._draw(row)
        if len(self._drawn) > KEPT:
            self._forget(inSight)

    def _inSight(self) -> range:
        """Rows of the list that can be seen, and a few more."""
        width, height = self.widget.viewport().width, self.widget.viewport().height
        item = self.widget.itemAt(CELL_WIDTH // 2, CELL_HEIGHT // 2)
        first = 0 if item is None else self.widget.row(item)
        columns, lines = max(width // CELL_WIDTH, 1), height // CELL_HEIGHT + 2
        return range(max(first - columns, 0), min(first + columns * lines, len(self._names)))

    def _draw(self, row: int) -> None:
        item, name = self.widget.item(row), self._names[row]
        text, toolTip = self._wordsOf(name)
        item.setText(text)
        item.setToolTip(toolTip)
        item.setIcon(self._iconOf(name))
        self._drawn.add(row)

    def _forget(self, inSight: range) -> None:
        for row in self._drawn - set(inSight):
            self.widget.item(row).setIcon(qt.QIcon())
        self._drawn &= set(inSight)

    def _onKey(self, key: int, isCtrl: bool) -> bool:
        action = keys().get((key, isCtrl))
        if action is None:
            return False
        self._onAction(action)
        return True


class _KeyFilter(qt.QObject):
    """Takes the list's keys before it looks for names that begin with them, and before shortcuts do."""

    def __init__(self, onKey: Callable[[int, bool], bool], onSize: Callable[[], None]):
        qt.QObject.__init__(self)
        self._onKey, self._onSize = onKey, onSize

    def eventFilter(self, _widget: Widget, event: Event) -> bool:
        """Whether nobody else is to see the event."""
        kind = event.type()
        if kind in (qt.QEvent.Resize, qt.QEvent.Show):
            self._onSize()
        if kind not in (qt.QEvent.KeyPress, qt.QEvent.ShortcutOverride):
            return False
        isCtrl = event.modifiers() == qt.Qt.ControlModifier
        plain = event.modifiers() in (qt.Qt.NoModifier, qt.Qt.KeypadModifier)
        if not (plain or isCtrl):
            return False
        if kind == qt.QEvent.ShortcutOverride:
            isOurs = (event.key(), isCtrl) in keys()
            if isOurs:
                event.accept()
            return isOurs
        return self._onKey(event.key(), isCtrl)


def icon(pixmap: Any) -> Icon:
    """A thumbnail that looks the same when it is chosen: Qt would lay a colour over it."""
    made = qt.QIcon()
    for mode in (qt.QIcon.Normal, qt.QIcon.Selected):
        made.addPixmap(pixmap, mode)
    return made


def _list() -> Widget:
    grid = qt.QListWidget()
    grid.accessibleName = _("Images of the set")
    grid.setViewMode(qt.QListView.IconMode)
    grid.setMovement(qt.QListView.Static)
    grid.setResizeMode(qt.QListView.Adjust)
    grid.setUniformItemSizes(True)
    grid.setIconSize(qt.QSize(SIDE, SIDE))
    grid.setGridSize(qt.QSize(CELL_WIDTH, CELL_HEIGHT))
    grid.setTextElideMode(qt.Qt.ElideMiddle)
    grid.setVerticalScrollMode(qt.QAbstractItemView.ScrollPerPixel)
    grid.setSelectionMode(qt.QAbstractItemView.SingleSelection)
    grid.setMinimumHeight(HEIGHT)
    return grid
