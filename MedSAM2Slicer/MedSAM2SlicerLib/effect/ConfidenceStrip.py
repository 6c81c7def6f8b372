"""A strip with one mark per slice: tall where the network is sure; short and of another colour where not."""

from collections.abc import Callable, Iterator

import qt
from slicer.i18n import tr as _

from medsam2.confidence import DOUBTFUL

from ..logic.SliceResults import Confidence, ReviewedSlice
from ..SlicerTypes import Color, Event, MouseEvent, Painter, Widget
from .Theme import themeOf

HEIGHT, TOP, BOTTOM = 46, 9, 8
"""Pixels: of all, of what is above the marks (ticks), and of what is below (the slice shown)."""
WIDE = 9
"""Pixels of a mark that has room for a tick."""
FAINT = 110
"""Opacity of what is not to be looked at first, 0 to 255."""


class ConfidenceStrip(qt.QWidget):
    """Shows a ``Confidence``; a click, or an arrow key, calls ``onSlice(sliceIndex)``."""

    def __init__(self, onSlice: Callable[[int], None], parent: Widget = None):
        qt.QWidget.__init__(self, parent)
        self._onSlice = onSlice
        self._slices: dict[int, ReviewedSlice] = {}
        self._count = 0
        self._current: int | None = None
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(qt.QSizePolicy.Expanding, qt.QSizePolicy.Fixed)
        self.setMouseTracking(True)
        self.focusPolicy = qt.Qt.StrongFocus
        self.accessibleName = _("Confidence of each slice")
        self.accessibleDescription = _legend()

    def show(self, confidence: Confidence, count: int, current: int | None) -> None:
        """Draw slices 0 to ``count`` - 1, and mark the current one."""
        self._slices, self._count, self._current = confidence.slices, count, current
        self.accessibleDescription = _legend() if current is None else self.words(current)
        self.update()

    def words(self, index: int) -> str:
        """What the strip says of a slice."""
        mark = self._slices.get(index)
        if mark is None:
            return _("Slice {index}: not propagated yet.").format(index=index)
        if not mark.present:
            said = _("Slice {index}: without the object.")
        elif mark.certainty < DOUBTFUL:
            said = _("Slice {index}: doubtful ({percent} %).")
        else:
            said = _("Slice {index}: sure ({percent} %).")
        said = said.format(index=index, percent=round(100 * mark.certainty))
        if mark.present and mark.agreement is not None:
            agree = _("The planes agree to {percent} %.")
            said = f"{said} {agree.format(percent=round(100 * mark.agreement))}"
        accepted = _("You accepted it.")
        return f"{said} {accepted}" if mark.accepted else said

    # Mouse and keys

    def mouseMoveEvent(self, event: MouseEvent) -> None:
        """Say what is under the mouse."""
        if self._count:
            self.toolTip = f"<b>{self.words(self._sliceAt(event))}</b><br>{_legend()}"

    def mousePressEvent(self, event: MouseEvent) -> None:
        """Go to the slice under the mouse."""
        if self._count:
            self._onSlice(self._sliceAt(event))

    def keyPressEvent(self, event: Event) -> None:
        """Go to a neighbouring slice, or to the first or last one."""
        here, last = self._current, self._count - 1
        there = None if here is None else _targets(here, last).get(event.key())
        if there is None:
            event.ignore()
        elif 0 <= there <= last:
            self._onSlice(there)

    def _sliceAt(self, event: MouseEvent) -> int:
        return min(max(int(event.x() * self._count / max(self.width, 1)), 0), self._count - 1)

    # Drawing

    def paintEvent(self, _event: Event) -> None:
        """Draw all marks."""
        painter = qt.QPainter(self)
        painter.fillRect(self.rect, self.palette.color(qt.QPalette.Base))
        if self._count:
            self._paintLimit(painter)
            for left, width, mark in self._columns():
                self._paintMark(painter, left, width, mark)
            if self._current is not None:
                self._paintCurrent(painter, self._current)
        if self.focus:
            painter.setPen(self.palette.color(qt.QPalette.Highlight))
            painter.drawRect(self.rect.adjusted(0, 0, -1, -1))
        painter.end()

    def _columns(self) -> Iterator[tuple[int, int, ReviewedSlice]]:
        """Left, width and mark; of slices within one pixel the one that most needs to be looked at."""
        step = self.width / self._count
        columns: dict[int, ReviewedSlice] = {}
        for index, mark in self._slices.items():
            left = int(index * step)
            columns[left] = min(columns.get(left, mark), mark, key=_calm)
        gap = 1 if step >= 4 else 0
        for left, mark in columns.items():
            yield left, max(int(left + step) - left - gap, 1), mark

    def _paintLimit(self, painter: Painter) -> None:
        """A line: marks that stay below it are doubtful."""
        top = HEIGHT - BOTTOM - round((HEIGHT - TOP - BOTTOM) * DOUBTFUL)
        painter.fillRect(qt.QRect(0, top, self.width, 1), self._ink(FAINT))

    def _paintMark(self, painter: Painter, left: int, width: int, mark: ReviewedSlice) -> None:
        floor, theme = HEIGHT - BOTTOM, themeOf(self)
        if not mark.present:
            painter.fillRect(qt.QRect(left, floor - 2, width, 2), self._ink(FAINT))
        else:
            height = max(round((floor - TOP) * mark.certainty), 3)
            color = qt.QColor(theme.doubtful if mark.certainty < DOUBTFUL else theme.sure)
            painter.fillRect(qt.QRect(left, floor - height, width, height), color)
        if mark.accepted:
            self._paintTick(painter, left, width)

    def _paintTick(self, painter: Painter, left: int, width: int) -> None:
        """A tick above the mark, or a line where there is no room for one."""
        if width < WIDE:
            painter.fillRect(qt.QRect(left, 3, width, 2), self._ink())
            return
        middle = left + width // 2
        pen = qt.QPen(self._ink())
        pen.setWidth(2)
        painter.setPen(pen)
        painter.drawLine(middle - 3, 4, middle - 1, 6)
        painter.drawLine(middle - 1, 6, middle + 3, 2)

    def _paintCurrent(self, painter: Painter, index: int) -> None:
        """An arrow from below, and a faint line from there up."""
        step = self.width / self._count
        middle, floor = int((index + 0.5) * step), HEIGHT - BOTTOM
        painter.fillRect(qt.QRect(middle, 0, 1, floor), self._ink(FAINT))
        for row in range(1, BOTTOM - 1):
            half = row - 1
            painter.fillRect(qt.QRect(middle - half, floor + row, 2 * half + 1, 1), self._ink())

    def _ink(self, opacity: int = 255) -> Color:
        text = self.palette.color(qt.QPalette.Text)
        return qt.QColor(text.red(), text.green(), text.blue(), opacity)


def _legend() -> str:
    return _(
        "Marks above the line are sure, those below it doubtful; flat ones are without the object. "
        "A tick is a slice that you accepted, the arrow the slice shown. Click to go to a slice."
    )


def _calm(mark: ReviewedSlice) -> tuple[bool, bool, float]:
    """The greater, the less a person need look at the slice."""
    return mark.accepted, not mark.present, mark.certainty


def _targets(here: int, last: int) -> dict[int, int]:
    """Where each key leads."""
    keys = qt.Qt
    return {keys.Key_Left: here - 1, keys.Key_Right: here + 1, keys.Key_Home: 0, keys.Key_End: last}
