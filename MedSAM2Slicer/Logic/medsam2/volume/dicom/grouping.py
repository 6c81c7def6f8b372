"""From the planes of many files to volumes: by series, by their kind, and by what else sets them apart."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from medsam2.volume.dicom.frame import Frame
from medsam2.volume.dicom.stack import Stack, repeats, stack

_DIRECTION, _SPACING = 1e-3, 1e-3
"""Differences of direction cosines, and relative ones of pixel spacings, that come from rounding."""


def by_series(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Planes by series, the series in the order of their numbers.

    Where a program that removes names removed the identifiers too, or gave all files the same, patient,
    study, number and description tell.
    """

    def series(frame: Frame) -> Hashable:
        file = frame.file
        return file.patient_and_study, file.series_uid or (file.series_number, file.description)

    groups = _by(frames, series)
    return sorted(groups.values(), key=_series_order)


def _series_order(frames: Sequence[Frame]) -> tuple:
    file = frames[0].file
    return file.series_number is None, file.series_number or 0, file.series_uid


def stacks(frames: Sequence[Frame]) -> list[Stack]:
    """The volumes of one series."""
    found = [each for part in _by_kind(frames) for each in _separate(part)]
    return sorted(found, key=lambda each: min((f.file.instance, f.index) for f in each.frames))


def _by_kind(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Planes that could lie on one grid: same size, direction, spacing, frame of reference, image type…"""
    exact = _by(frames, lambda f: (f.shape, f.file.colour, tuple(f.kind.items()), f.position is None))
    comparable = [part for group in exact.values() for part in _by_frame_of_reference(group)]
    return [part for group in comparable for part in _by_plane(group)]


def _by_frame_of_reference(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Planes whose positions can be compared; those that do not say so go with the others if these agree.

    Where there are nearly as many of them as files, a program that removed names has made them up: then none
    counts.
    """
    known = {frame.file.frame_of_reference for frame in frames} - {""}
    made_up = len(known) > max(2, len({frame.file.path for frame in frames}) / 2)
    groups = _by(
        frames, lambda frame: frame.file.frame_of_reference if len(known) > 1 and not made_up else ""
    )
    return list(groups.values())


def _by_plane(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Planes by direction and pixel spacing, compared as rounded numbers are."""
    parts: list[list[Frame]] = []
    for frame in frames:
        part = next((part for part in parts if _alike(part[0], frame)), None)
        if part is None:
            parts.append([frame])
        else:
            part.append(frame)
    return parts


def _alike(one: Frame, other: Frame) -> bool:
    return _close(one.directions, other.directions, 0, _DIRECTION) and _close(
        one.spacing, other.spacing, _SPACING, 0
    )


def _close(one: ArrayLike | None, other: ArrayLike | None, rtol: float, atol: float) -> bool:
    if one is None or other is None:
        return one is other
    return np.allclose(one, other, rtol, atol)


def _separate(frames: Sequence[Frame]) -> list[Stack]:
    """One volume if the planes form a grid, else those into which their marks separate them."""
    whole = stack(frames)
    if whole.problem is None or frames[0].position is None or frames[0].directions is None:
        return [whole]
    by_position = repeats(frames)
    for name in frames[0].marks:
        groups = _by_mark(frames, name)
        if len(groups) > 1 and _separates(groups, len(by_position)):
            return [each for group in groups for each in _separate(group)]
    return [stack(group) for group in _by_rank(by_position)] or [whole]


def _by_mark(frames: Sequence[Frame], name: str) -> list[list[Frame]]:
    return list(_by(frames, lambda frame: frame.marks.get(name)).values())


def _separates(groups: Sequence[Sequence[Frame]], positions: int) -> bool:
    """Whether each group is a volume: it covers all positions of the planes, or forms a grid of its own.

    Where one does and no group has two planes at a place, the others are volumes that lost slices.
    """
    covered = [len(repeats(group)) for group in groups]
    complete = all(count == positions for count in covered)
    lost_slices = max(covered) == positions and covered == [len(group) for group in groups]
    return complete or lost_slices or all(len(group) > 1 and stack(group).problem is None for group in groups)


def _by_rank(by_position: Sequence[Sequence[Frame]]) -> list[list[Frame]]:
    """The first plane at every position, the second, and so on; nothing where the files give no order."""
    counts = {len(planes) for planes in by_position}
    orders = [{(frame.file.instance, frame.index) for frame in planes} for planes in by_position]
    if counts == {1} or len(counts) > 1 or any(map(lambda o, p: len(o) < len(p), orders, by_position)):
        return []
    ranked = [sorted(planes, key=lambda frame: (frame.file.instance, frame.index)) for planes in by_position]
    return [list(group) for group in zip(*ranked, strict=True)]


def _by(frames: Iterable[Frame], key: Callable[[Frame], Hashable]) -> dict[Hashable, list[Frame]]:
    groups: dict[Hashable, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[key(frame)].append(frame)
    return groups
