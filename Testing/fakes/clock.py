"""A clock that stands still until a test turns it."""

import heapq
import itertools
import time

TOO_MANY_CALLS = 100_000


class Clock:
    """Time in whole milliseconds and the calls that wait for it.

    ``durations``: how long each call held the thread, in real milliseconds.
    """

    def __init__(self):
        self.afterTurning = []
        # Never counted anew: a timer of the test before that is stopped late must not stop one of this test.
        self._numbers = itertools.count()
        self.reset()

    def reset(self):
        """Back to zero, with nothing waiting."""
        self.milliseconds = 0
        self.durations = []
        self._waiting = []
        self._cancelled = set()
        self._inCall = False

    def schedule(self, delay: int, call) -> int:
        """Have something called once, ``delay`` ms from now; returns a number to cancel it by."""
        # What a call schedules comes later: Qt too goes through its event loop first.
        delay = max(int(delay), 1 if self._inCall else 0)
        number = next(self._numbers)
        heapq.heappush(self._waiting, (self.milliseconds + delay, number, call))
        return number

    def cancel(self, number: int):
        """Drop a call; one that has already run is ignored."""
        self._cancelled.add(number)

    @property
    def waiting(self) -> int:
        """How many calls still wait: 0 when no timer runs."""
        return sum(number not in self._cancelled for _, number, _ in self._waiting)

    def advance(self, milliseconds: int = 0):
        """Turn the clock: everything due is called, in order of time."""
        end = self.milliseconds + milliseconds
        for _ in range(TOO_MANY_CALLS):
            if not self._waiting or self._waiting[0][0] > end:
                break
            due, number, call = heapq.heappop(self._waiting)
            self.milliseconds = max(self.milliseconds, due)
            if number not in self._cancelled:
                self._run(call)
        else:
            raise AssertionError("the timers never come to rest")
        self.milliseconds = end
        for call in self.afterTurning:
            call()

    def advanceUntil(self, condition, seconds: float = 30.0, step: int = 10):
        """Turn the clock in step with real time, for tests with a real process, until the condition holds."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"not reached within {seconds} s"
            time.sleep(step / 1000)
            self.advance(step)

    def _run(self, call):
        begin = time.perf_counter()
        self._inCall = True
        try:
            call()
        finally:
            self._inCall = False
            self.durations.append(1000 * (time.perf_counter() - begin))


CLOCK = Clock()
