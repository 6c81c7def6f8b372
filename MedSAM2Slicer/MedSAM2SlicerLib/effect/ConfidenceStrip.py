"""A strip with one mark per slice: tall and green where the network is sure, short and red where not."""

from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from medsam2.confidence import DOUBTFUL

from ..logic.SliceResults import Confidence, ReviewedSlice
from ..SlicerTypes import Color, MouseEvent, Painter, Widget

HEIGHT, TICK = 40, 4


class ConfidenceStrip(qt.QWidget):
    """Shows a ``Confidence``; a click calls ``onSlice(sliceIndex)``."""

    def __init__(self, onSlice: Callable[[int], None], parent: Widget = None):
        qt.QWidget.__init__(self, parent)
        self._onSlice = onSlice
        self._confidence: Confidence | None = None
        self._count = 0
        self._current: int | None = None
        self.setMinimumHeight(HEIGHT)
        self.setSizePolicy(qt.QSizePolicy.Expanding, qt.QSizePolicy.Fixed)
        self.toolTip = _(
            "One mark per slice: above the line is sure, below it is doubtful, grey is without the "
            "object; a blue tick is a slice that you accepted. Click to go there."
        )

    def show(self, confidence: Confidence, count: int, current: int | None) -> None:
        """Draw slices 0 to ``count`` - 1, and mark the current one."""
        self._confidence, self._count, self._current = confidence, count, current
        self.update()

    def mousePressEvent(self, event: MouseEvent) -> None:
        """Go to the slice under the mouse."""
        if self._count:
            self._onSlice(min(int(event.x() * self._count / max(self.width, 1)), self._count - 1))

    def paintEvent(self, _event: object) -> None:
        """Draw all marks."""
        painter = qt.QPainter(self)
        painter.fillRect(self.rect, self.palette.color(qt.QPalette.Base))
        if self._count:
            self._paintLimit(painter)
            step = self.width / self._count
            for index, mark in (self._confidence.slices if self._confidence else {}).items():
                self._paintMark(painter, index * step, max(step - 1, 1), mark)
            if self._current is not None:
                painter.fillRect(
                    qt.QRectF(self._current * step, 0, max(step, 2), 2),
                    self.palette.color(qt.QPalette.Highlight),
                )
                painter.fillRect(
                    qt.QRectF(self._current * step, self.height - 2, max(step, 2), 2),
                    self.palette.color(qt.QPalette.Highlight),
                )
        painter.end()

    def _paintLimit(self, painter: Painter) -> None:
        """A line: marks that stay below it are doubtful."""
        top = self.height - TICK - (self.height - 2 * TICK) * DOUBTFUL
        painter.fillRect(qt.QRectF(0, top, self.width, 1), self.palette.color(qt.QPalette.Mid))

    def _paintMark(self, painter: Painter, left: float, width: float, mark: ReviewedSlice) -> None:
        room = self.height - 2 * TICK
        if not mark.present:
            painter.fillRect(qt.QRectF(left, self.height - TICK - 2, width, 2), qt.QColor(150, 150, 150))
            return
        height = max(room * mark.iou, 3)
        painter.fillRect(qt.QRectF(left, self.height - TICK - height, width, height), color(mark.iou))
        if mark.accepted:
            painter.fillRect(qt.QRectF(left, TICK - 2, width, 3), qt.QColor(60, 120, 220))


def color(iou: float) -> Color:
    """From red at 0 over amber at the limit of doubt to green at 1; told apart by height as well."""
    if iou < DOUBTFUL:
        return qt.QColor(214, 72, 55) if iou < DOUBTFUL - 0.2 else qt.QColor(230, 160, 50)
    return qt.QColor(70, 160, 90)
