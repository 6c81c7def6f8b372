"""Ours and the `sam2` package in turn, and how many times quicker ours is; refused where the work differs."""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from medsam2_lab.result_tables import Cell, ResultTable, commit, measured

LEAST_AGREEMENT = 0.995
"""Share of the voxels on which masks of the same work agree."""
GOALS = "goals"
"""The table that the goals of speed are in."""
REFUSED = "not compared: "
"""Begins what stands in place of a ratio."""
COLUMNS = {
    "work": None,
    "ours": None,
    "sam2": None,
    "result": 2,
    "least": 2,
    "most": 2,
    "goal": None,
    "reached": None,
    "rounds": None,
    "at": None,
}
"""The result is the median of the rounds."""

Stages = Callable[[], Iterable[np.ndarray]]
"""One turn of a contender: does a piece of work before each mask array that it yields."""


@dataclass
class Timed:
    """A piece of work: seconds in each round, and the masks of the first."""

    seconds: list[float] = field(default_factory=list)
    masks: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))


@dataclass(frozen=True)
class Goal:
    """What a number must reach: at least ``limit``, or at most."""

    limit: float
    at_most: bool = False
    unit: str = "x"

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.limit:g}{self.unit}"

    def verdict(self, value: float) -> str:
        """Whether it does."""
        return "yes" if (value <= self.limit if self.at_most else value >= self.limit) else "no"


def in_turn(contenders: Mapping[str, Stages], rounds: int) -> dict[str, list[Timed]]:
    """Let all take turns; of each its pieces of work."""
    works: dict[str, list[Timed]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, stages in contenders.items():
            for number, (seconds, masks) in enumerate(_timed(stages())):
                if number == len(works[name]):
                    works[name].append(Timed(masks=masks))
                works[name][number].seconds.append(seconds)
    return works


def agreement(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Share of the voxels on which two arrays of masks agree; 0 where they are not of the same slices."""
    return float(np.equal(ours, theirs).mean()) if ours.shape == theirs.shape else 0.0


def speed_row(label: str, ours: Timed, theirs: Timed, goal: Goal, *, exact: bool = True) -> list[Cell]:
    """A row of ``COLUMNS``: median seconds, and how many times ours is quicker, round by round.

    Args:
        label: the work.
        ours, theirs: each in as many rounds as the other.
        goal: for the ratio.
        exact: the masks have to agree; of networks that differ only the slices have to be the same.
    """
    share = agreement(ours.masks, theirs.masks)
    if ours.masks.shape != theirs.masks.shape:
        return _refusal(label, goal, f"ours are masks of {ours.masks.shape}, theirs of {theirs.masks.shape}")
    if exact and share < LEAST_AGREEMENT:
        return _refusal(label, goal, f"the masks agree on {share:.2%} of the voxels only")
    ratios = [there / here for here, there in zip(ours.seconds, theirs.seconds, strict=True)]
    here, there = (round(statistics.median(each.seconds), 2) for each in (ours, theirs))
    return goal_row(label, ratios, goal, here, there)


def goal_row(
    label: str, results: list[float], goal: Goal, ours: Cell = None, theirs: Cell = None
) -> list[Cell]:
    """A row of ``COLUMNS``, of results in the goal's unit."""
    median = statistics.median(results)
    spread = [median, min(results), max(results)]
    return [label, ours, theirs, *spread, str(goal), goal.verdict(median), len(results), commit()]


def goal_table(*rows: list[Cell], **remarks: str) -> dict[str, ResultTable]:
    """Rows of the table of goals, and what is to be said of all."""
    about = measured("Testing/benchmarks/bench.py")
    del about["measured"]  # each row says so itself
    return {GOALS: ResultTable(about | remarks, COLUMNS, list(rows))}


def is_refused(tables: Mapping[str, ResultTable]) -> bool:
    """Whether any row of any table is a refusal."""
    return any(isinstance(cell, str) and cell.startswith(REFUSED) for cell in _cells(tables))


def _refusal(label: str, goal: Goal, why: str) -> list[Cell]:
    return [label, None, None, None, None, None, str(goal), f"{REFUSED}{why}", None, commit()]


def _cells(tables: Mapping[str, ResultTable]) -> Iterator[Cell]:
    return (cell for table in tables.values() for row in table.rows for cell in row)


def _timed(stages: Iterable[np.ndarray]) -> Iterator[tuple[float, np.ndarray]]:
    steps = iter(stages)
    while True:
        started = time.perf_counter()
        masks = next(steps, None)
        if masks is None:
            return
        yield time.perf_counter() - started, masks
