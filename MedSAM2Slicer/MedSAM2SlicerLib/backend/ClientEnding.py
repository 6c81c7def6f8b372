"""Ends clients, and the processes behind them, without keeping Slicer waiting."""

import time

import qt

LOOK_MILLISECONDS, LOOKS = 20, 25
"""A backend has half a second to end by itself."""

_underWay: list["_Ending"] = []


def endLater(client) -> None:
    """End a ``PolledClient`` by and by."""
    _underWay.append(_Ending(client))


def endNow() -> None:
    """Wait for those that are under way, as Slicer quits."""
    while _underWay:
        _underWay[0].end()


class _Ending:
    def __init__(self, client):
        self._client = client
        self._looks = 0
        client.dismiss()
        self._timer = qt.QTimer()
        self._timer.setInterval(LOOK_MILLISECONDS)
        self._timer.connect("timeout()", self._look)
        self._timer.start()

    def _look(self) -> None:
        # Slicer runs no other thread of Python unless this one rests, and one of them watches the process.
        time.sleep(0.001)
        self._looks += 1
        if self._client.gone or self._looks >= LOOKS:
            self.end(patience=0)

    def end(self, patience: float = 0.5) -> None:
        self._timer.stop()
        _underWay.remove(self)
        self._client.close(patience)
