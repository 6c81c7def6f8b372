"""``qt.QTimer`` driven by the tests' clock."""

import shiboken6
from PySide6 import QtCore

from .clock import CLOCK
from .journal import JOURNAL


class SingleShot:
    """``timer.singleShot``: a property; ``QTimer.singleShot(ms, call)``: a function of the class."""

    def __get__(self, timer, timerClass):
        return callOnce if timer is None else timer.isSingleShot()

    def __set__(self, timer, value):
        timer.setSingleShot(value)


def callOnce(milliseconds: int, function):
    """Call a function once, when the clock has been turned that far."""

    def call():
        try:
            function()
        except Exception as exception:
            JOURNAL.swallow(exception)

    CLOCK.schedule(milliseconds, call)


class QTimer(QtCore.QObject):
    """Qt's timer, with the clock of the tests in place of the event loop."""

    timeout = QtCore.Signal()
    singleShot = SingleShot()

    def __init__(self, parent=None):
        super().__init__(parent)
        self._interval = 0
        self._isSingleShot = False
        self._ticket = None
        self._due = 0

    @property
    def interval(self) -> int:
        """Milliseconds."""
        return self._interval

    @interval.setter
    def interval(self, milliseconds):
        self.setInterval(milliseconds)

    @property
    def active(self) -> bool:
        """Whether the timer runs."""
        return self._ticket is not None

    @property
    def remainingTime(self) -> int:
        """Milliseconds until the next time-out, -1 when stopped."""
        return max(0, self._due - CLOCK.milliseconds) if self.active else -1

    def setInterval(self, milliseconds: int):
        """Like Qt, count anew when running."""
        self._interval = int(milliseconds)
        if self.active:
            self.start()

    def setSingleShot(self, single: bool):
        self._isSingleShot = bool(single)

    def isSingleShot(self) -> bool:
        return self._isSingleShot

    def isActive(self) -> bool:
        return self.active

    def start(self, milliseconds: int | None = None):
        """Start, or count anew when running."""
        self.stop()
        if milliseconds is not None:
            self._interval = int(milliseconds)
        self._schedule()

    def stop(self):
        if self.active:
            CLOCK.cancel(self._ticket)
            self._ticket = None

    def _schedule(self):
        self._due = CLOCK.milliseconds + self._interval
        self._ticket = CLOCK.schedule(self._interval, self._fire)

    def _fire(self):
        # Its parent may have been deleted meanwhile, and the timer with it.
        if not shiboken6.isValid(self):
            return
        self._ticket = None
        if not self._isSingleShot:
            self._schedule()
        self.timeout.emit()
