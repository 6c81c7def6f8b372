"""The numbers of a run as it goes: lines of JSON, curves for TensorBoard, and words for who waits."""

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from medsam2.complete_file import explained_write_errors
from medsam2.errors import InputError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

LOG_FILE = "log.jsonl"


class TrainingLog:
    """Collects the numbers of single steps, and appends their means to ``log.jsonl``.

    Args:
        folder: of the run.
        tensorboard: also write curves that TensorBoard shows.
        steps: how many the run will have, where that is known.

    Raises:
        InputError: ``tensorboard`` is wanted, but its package is not installed, or cannot write there.
    """

    def __init__(self, folder: Path, tensorboard: bool = False, steps: int | None = None):
        self._steps = steps
        self._file = folder / LOG_FILE
        self._curves = _curves(folder) if tensorboard else None
        self._rows: list[dict[str, float]] = []
        self._started = time.monotonic()

    def add(self, numbers: dict[str, float]) -> None:
        """Take in the numbers of one step."""
        self._rows.append(numbers)

    def write_means(self, step: int) -> None:
        """Write the means of the steps since the last time; numbers that are none are left out."""
        seconds = (time.monotonic() - self._started) / len(self._rows)
        means = {"seconds_per_step": round(seconds, 3)}
        for key in dict.fromkeys(name for row in self._rows for name in row):
            values = [row[key] for row in self._rows if math.isfinite(row.get(key, math.nan))]
            if values:
                means[key] = round(sum(values) / len(values), 4)
        self._rows = []
        self.write(step, means)

    def write(self, step: int, numbers: dict[str, float]) -> None:
        """Write one line, and say it.

        Raises:
            InputError: the disk is full.
        """
        entry = {"step": step, **numbers}
        with explained_write_errors(self._file), self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        print(_progress_line(step, numbers, self._steps), flush=True)
        if self._curves is not None:
            for name, value in numbers.items():
                self._curves.add_scalar(name, value, step)
            self._curves.flush()
        # What came before this line, such as validation, is no part of the next steps.
        self._started = time.monotonic()


def _curves(folder: Path) -> "SummaryWriter":
    require_tensorboard()
    from torch.utils.tensorboard import SummaryWriter

    place = folder / "tensorboard"
    try:
        return SummaryWriter(str(place))
    except UnicodeEncodeError as error:
        raise InputError(
            f"TensorBoard cannot write into {place}: rename the folder, or leave out --tensorboard; "
            f"{LOG_FILE} has the same numbers."
        ) from error


def require_tensorboard() -> None:
    """Raise InputError, which says what to do, where the package tensorboard is missing."""
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError as error:
        raise InputError(
            "The package tensorboard is not installed: run pip install tensorboard first, or leave out "
            f"--tensorboard; {LOG_FILE} has the same numbers."
        ) from error


def _progress_line(step: int, numbers: Mapping[str, float], steps: int | None = None) -> str:
    """The numbers that the log has for a step, in words.

    Args:
        step: how many are done.
        numbers: as in ``log.jsonl``.
        steps: how many there will be, where that is known.
    """
    head = f"Step {step}" if steps is None else f"Step {step} of {steps}"
    if "validation_dice" in numbers:
        return f"{head}: {_validation(numbers)}"
    parts = [f"loss {numbers['loss']:.2f}"] if "loss" in numbers else []
    if "seconds_per_step" in numbers:
        seconds = numbers["seconds_per_step"]
        parts.append(f"{seconds:.2g} s for each step")
        if steps is not None and step < steps:
            parts.append(f"about {duration(seconds * (steps - step))} left without validations")
    return f"{head}: {', '.join(parts) or 'no numbers'}"


def _validation(numbers: Mapping[str, float]) -> str:
    took = f", found in {duration(numbers['validation_seconds'])}" if "validation_seconds" in numbers else ""
    return f"mean Dice {numbers['validation_dice']:.3f} on the cases held out{took}"


def validation_begins(cases: int, last_seconds: float | None) -> str:
    """What is about to happen, and how long it took the last time."""
    expected = "" if last_seconds is None else f", about {duration(last_seconds)} as the last time"
    return f"Validating on {cases} {'case' if cases == 1 else 'cases'}{expected} …"


def duration(seconds: float) -> str:
    """Such as 8 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
