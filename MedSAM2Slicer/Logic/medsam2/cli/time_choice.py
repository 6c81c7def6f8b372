"""Which time points of an image to segment, and on which of them the prompts lie."""

from dataclasses import dataclass
from pathlib import Path

from medsam2.errors import InputError
from medsam2.volume import TimePoints


@dataclass(frozen=True)
class TimeChoice:
    """What ``--time`` and ``--prompt-time`` say.

    Attributes:
        is_all: whether all time points are wanted.
        prompted: the time point of the prompts; the only one that is segmented unless all are. None where
            nothing was said.
    """

    is_all: bool = False
    prompted: int | None = None

    @classmethod
    def parsed(cls, time: str | None, prompt_time: int | None) -> "TimeChoice":
        """The choice that the options make.

        Raises:
            InputError: ``--time`` is neither a number nor ``all``, or ``--prompt-time`` has no part in it.
        """
        if time == "all":
            return cls(True, prompt_time or 0)
        if prompt_time is not None:
            raise InputError(
                "--prompt-time goes with --time all: alone, a time point has the prompts itself."
            )
        if time is None:
            return cls()
        if not time.isdecimal():
            raise InputError(f"--time {time} is no time point: give its number from 0, or all.")
        return cls(prompted=int(time))

    def in_image(self, image: Path, times: TimePoints) -> int:
        """The time point of the prompts.

        Raises:
            InputError: the image has no such time point, or several and nothing was said.
        """
        if times.count == 1 and self.is_all:
            raise InputError(f"{image} has no time points: leave --time out.")
        if self.prompted is None and times.count > 1:
            raise InputError(
                f"{image} has {times.count} time points: choose with --time, a number from 0 to "
                f"{times.count - 1}, or all."
            )
        prompted = self.prompted or 0
        times.check(prompted)
        return prompted
