"""An image at successive times: its time points are volumes, of which one at a time is read."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from medsam2.errors import InputError
from medsam2.volume.volume import Volume

NOT_IN_TIME = ", and not of time points alone"
"""For ``several_volumes``."""
_EVEN = 1e-3
"""Of a step by which values may be off, as they are rounded."""


@dataclass(frozen=True)
class TimePoints:
    """The time points of a sequence, as its file tells of them.

    Attributes:
        count: how many; 1 for an image without time.
        values: when each was, in ``unit``, or what it is called ("end-diastole"); empty where the file
            does not say.
        unit: of the values, such as "s" or "ms"; empty where the file does not say.
    """

    count: int
    values: tuple[str, ...] = ()
    unit: str = ""

    @property
    def numbers(self) -> tuple[float, ...]:
        """The values as numbers; empty where there are none, or one is no finite number."""
        try:
            numbers = tuple(map(float, self.values))
        except ValueError:
            return ()
        return numbers if all(map(math.isfinite, numbers)) else ()

    @property
    def step(self) -> float | None:
        """From one value to the next, where that is always the same and above 0."""
        numbers = self.numbers
        if len(numbers) < 2:
            return None
        step = (numbers[-1] - numbers[0]) / (len(numbers) - 1)
        expected = (numbers[0] + index * step for index in range(len(numbers)))
        off = max(abs(number - even) for number, even in zip(numbers, expected, strict=True))
        return step if step > 0 and off <= _EVEN * step else None

    def check(self, time_point: int) -> None:
        """Raise InputError for a time point that does not exist."""
        if not 0 <= time_point < self.count:
            known = "one time point, 0" if self.count == 1 else f"time points 0 to {self.count - 1}"
            raise InputError(f"There is no time point {time_point}: the image has {known}.")


ONE_TIME_POINT = TimePoints(1)


@dataclass(frozen=True, eq=False)
class ImageSequence:
    """Volumes on one grid, one for each time point; an image without time is a sequence of one.

    Attributes:
        times: its time points.
        volume: reads one, by its number from 0; InputError where it cannot be read.
    """

    times: TimePoints
    volume: Callable[[int], Volume]


def several_volumes(path: Path, count: int, what: str = " (time points or the like)") -> InputError:
    """What is raised where one volume is wanted of a file that holds several."""
    return InputError(f"{path} holds {count} volumes{what}: save the one to segment as a file of its own.")


def evenly_spaced(count: int, first: float, step: float, unit: str) -> TimePoints:
    """Time points of a file that gives the time between two of them; what cannot be a time says nothing."""
    if not (0 < step < math.inf and math.isfinite(first)):
        return TimePoints(count)
    # As many digits as files in single precision have, of both: a short step may follow a late beginning.
    first, step = (float(f"{number:.7g}") for number in (first, step))
    return TimePoints(count, tuple(f"{first + number * step:.12g}" for number in range(count)), unit)
