"""How far a command is: a bar on a terminal, plain lines in a log."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

LINE_SECONDS = 5.0
"""Between two lines of the same stage."""


class Stages(Protocol):
    """The stages of a command, one after the other."""

    def begin(self, title: str, total: float | None = None, unit: str = "") -> None:
        """Begin a stage of ``total`` units, such as slices; None for one whose length is not known."""

    def reach(self, done: float) -> None:
        """Say how many units of the stage are done."""

    def advance(self) -> None:
        """Say that one more unit of the stage is done."""


@contextmanager
def stages() -> Iterator[Stages]:
    """Where progress is shown: standard error, whatever it is."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        columns = (TextColumn("{task.description}"), BarColumn(), _Count(), _Speed(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            yield _Bar(progress)
    else:
        yield _Lines()


class _Bar:
    """One bar at a time."""

    def __init__(self, progress: Progress):
        self._progress = progress

    def begin(self, title: str, total: float | None = None, unit: str = "") -> None:
        for earlier in self._progress.task_ids:
            self._progress.remove_task(earlier)
        self._progress.add_task(title, total=total, unit=unit)

    def reach(self, done: float) -> None:
        for stage in self._progress.task_ids:
            self._progress.update(stage, completed=done)

    def advance(self) -> None:
        for stage in self._progress.task_ids:
            self._progress.advance(stage)


class _Lines:
    """A line when a stage begins, and every few seconds while it lasts."""

    def begin(self, title: str, total: float | None = None, unit: str = "") -> None:
        self._title, self._total, self._unit = title, total, unit
        self._began = self._told = time.monotonic()
        self._done = 0.0
        print(f"{title} …", file=sys.stderr, flush=True)

    def reach(self, done: float) -> None:
        """Print how far it is, unless that was said just now."""
        self._done = done
        now = time.monotonic()
        if now - self._told < LINE_SECONDS or done == self._total:
            return
        self._told = now
        count = f"{done:.0f} of {self._total:.0f} {self._unit}"
        print(f"{self._title}: {count}, {now - self._began:.0f} s", file=sys.stderr, flush=True)

    def advance(self) -> None:
        self.reach(self._done + 1)


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        known = task.total is not None
        return Text(f"{task.completed:.0f}/{task.total:.0f} {task.fields['unit']}" if known else "")


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "")
