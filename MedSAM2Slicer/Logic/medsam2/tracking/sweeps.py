"""Where tracking goes: which slices, in which order, and from which prompted slice each is reached."""

from typing import Literal

from medsam2.propagation_options import Direction

from .tracked_object import TrackedObject

Side = Literal["below", "above"]
Task = Literal["answer", "track", "empty", "leave"]


def sweeps(start: int | None, direction: Direction, first: int, last: int) -> list[range]:
    """Stretches of slices, upward or downward, that together pass each slice once in each direction.

    Args:
        start: the slice to begin at, and in one direction the only one to begin at; None for no wish.
        direction: of tracking.
        first, last: limits of the range, both included.
    """
    if direction == "forward":
        return [range(first if start is None else max(first, start), last + 1)]
    if direction == "backward":
        return [range(last if start is None else min(last, start), first - 1, -1)]
    begin = start if start is not None and first <= start <= last else first
    # First outward from the start, where the person looks; then towards it from the ends.
    return [
        range(begin, last + 1),
        range(begin - 1, first - 1, -1),
        range(first, begin),
        range(last, begin - 1, -1),
    ]


def task(target: TrackedObject, index: int, reverse: bool, direction: Direction) -> Task:
    """What a sweep does with an object on a slice.

    It answers a prompted slice with its mask, tracks the object onto others, empties those that tracking
    does not reach, and leaves to other sweeps what these do.
    """
    if index in target.prompts:
        # Once is enough: where there are sweeps both ways, in the upward one.
        return "answer" if not reverse or direction == "backward" else "leave"
    if _approach(target, index, direction) == ("above" if reverse else "below"):
        return "track"
    return "leave" if _approach(target, index, "both") else "empty"


def way_in(target: TrackedObject, indices: range, direction: Direction) -> range:
    """Slices that a sweep passes from the prompted slice that leads an object in, to the first of its own."""
    reverse = indices.step < 0
    if not indices or task(target, indices[0], reverse, direction) != "track":
        return range(0)
    leading = [index for index in target.prompts if (index > indices[0]) == reverse]
    nearest = min(leading) if reverse else max(leading)
    return range(nearest + indices.step, indices[0], indices.step)


def _approach(target: TrackedObject, index: int, direction: Direction) -> Side | None:
    """The side from which tracking reaches a slice without a prompt; None where it never does.

    It comes from the nearer of the prompted slices on both sides that show the object.
    """
    below = max((prompted for prompted in target.prompts if prompted < index), default=None)
    above = min((prompted for prompted in target.prompts if prompted > index), default=None)
    if direction == "backward" or (below is not None and not target.is_shown(below)):
        below = None
    if direction == "forward" or (above is not None and not target.is_shown(above)):
        above = None
    if below is None or above is None:
        return "below" if below is not None else "above" if above is not None else None
    return "below" if index - below <= above - index else "above"
