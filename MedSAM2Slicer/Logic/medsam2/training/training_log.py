"""The numbers of a run as it goes: lines of JSON, and curves for TensorBoard where asked for."""

import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

from medsam2.complete_file import explained_write_errors
from medsam2.errors import InputError
from medsam2.training.progress_lines import progress_line

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
        InputError: ``tensorboard`` is wanted, but its package is not installed.
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
        print(progress_line(step, numbers, self._steps), flush=True)
        if self._curves is not None:
            for name, value in numbers.items():
                self._curves.add_scalar(name, value, step)
            self._curves.flush()
        # What came before this line, such as validation, is no part of the next steps.
        self._started = time.monotonic()


def _curves(folder: Path) -> "SummaryWriter":
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError(
            "The package tensorboard is not installed: run pip install tensorboard first, or leave out "
            f"--tensorboard; {LOG_FILE} has the same numbers."
        ) from error
    return SummaryWriter(str(folder / "tensorboard"))
