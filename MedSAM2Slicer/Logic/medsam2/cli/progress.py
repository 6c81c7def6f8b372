"""How far a command is: a bar on a terminal, plain lines in a log."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
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


_cases: "CaseProgress | None" = None
"""The cohort that this process works on."""


@contextmanager
def stages() -> Iterator[Stages]:
    """Where progress is shown: standard error, whatever it is; that of a case beside the cohort's."""
    if _cases is not None:
        yield _cases.stages
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            _Count(),
            _Speed(),
            TimeElapsedColumn(),
            _Rest(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            yield _Bar(progress)
    else:
        yield _Lines()


class _Bar:
    """One bar at a time."""

    def __init__(self, progress: Progress):
        self._progress = progress
        self._stage: TaskID | None = None

    def begin(self, title: str, total: float | None = None, unit: str = "") -> None:
        self.end()
        self._stage = self._progress.add_task(title, total=total, unit=unit)

    def reach(self, done: float) -> None:
        if self._stage is not None:
            self._progress.update(self._stage, completed=done)

    def advance(self) -> None:
        if self._stage is not None:
            self._progress.advance(self._stage)

    def end(self) -> None:
        """Show no stage any more."""
        if self._stage is not None:
            self._progress.remove_task(self._stage)
        self._stage = None


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
        count, gone = f"{done:.0f} of {self._total:.0f} {self._unit}", now - self._began
        left = f", {_duration(gone / done * (self._total - done))} left" if done and self._total else ""
        print(f"{self._title}: {count}, {gone:.0f} s{left}", file=sys.stderr, flush=True)

    def advance(self) -> None:
        self.reach(self._done + 1)


class _Silent:
    """Stages that nobody is shown."""

    def begin(self, title: str, total: float | None = None, unit: str = "") -> None:
        pass

    def reach(self, done: float) -> None:
        pass

    def advance(self) -> None:
        pass


class CaseProgress:
    """How far a cohort is: a line for each case, and on a terminal a bar with the time that is left.

    Args:
        total: cases.
        finished: before this run.
    """

    def __init__(self, total: int, finished: int, progress: Progress | None):
        self._total, self._before, self._finished = total, finished, finished
        self._began = time.monotonic()
        self._progress = progress
        self._bar = None if progress is None else _Bar(progress)
        self.stages: Stages = self._bar or _Silent()
        self._cases = None if progress is None else progress.add_task("Cases", total=total, unit="", left="")
        self.reach(finished)

    def say(self, line: str) -> None:
        """Print a line."""
        if self._progress is None or self._bar is None:
            print(line, file=sys.stderr, flush=True)
        else:
            self._bar.end()
            self._progress.console.print(Text(line))

    def finish(self, line: str, finished: int) -> None:
        """Say what came of a case, which is the ``finished``-th; in a log with the time that is left."""
        self.reach(finished)
        left = f", {self.left}" if self.left else ""
        self.say(line if self._progress is not None else f"[{finished} of {self._total}{left}] {line}")

    def reach(self, finished: int) -> None:
        """Say how many cases are finished, whoever did it."""
        self._finished = finished
        if self._progress is not None and self._cases is not None:
            self._progress.update(self._cases, completed=finished, left=self.left)

    @property
    def left(self) -> str:
        """The time that the rest takes at the pace so far; empty while there is none."""
        done, rest = self._finished - self._before, self._total - self._finished
        if not done or not rest:
            return ""
        return f"{_duration((time.monotonic() - self._began) / done * rest)} left"


@contextmanager
def case_progress(total: int, finished: int) -> Iterator[CaseProgress]:
    """Progress of a cohort, with which that of a case is shown on a terminal, and not at all in a log."""
    global _cases
    try:
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            columns = (TextColumn("{task.description}"), BarColumn(), _Count(), _Left())
            with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
                _cases = CaseProgress(total, finished, progress)
                yield _cases
        else:
            _cases = CaseProgress(total, finished, None)
            yield _cases
    finally:
        _cases = None


def _duration(seconds: float) -> str:
    """Such as ``40 s``, ``12 min`` or ``3 h 20 min``."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        known = task.total is not None
        return Text(f"{task.completed:.0f}/{task.total:.0f} {task.fields['unit']}" if known else "")


class _Left(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(task.fields.get("left", ""))


class _Rest(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{_duration(task.time_remaining)} left" if task.time_remaining else "")


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "")
