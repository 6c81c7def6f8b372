"""The seeds of a segment: what the user clicked, in world RAS millimetres, and what it asks of the backend.

They are kept as a tag of the segment, which follows it into copies, into undo states and into the scene
file, and leaves no nodes behind.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import vtk

from medsam2.prompt import MOST_POSITIONS, DrawnLine, Prompt
from medsam2.slice_grid import AXES

from ..SlicerTypes import Segment
from .SegmentationGrid import SegmentationGrid, SlicePosition

if TYPE_CHECKING:
    from medsam2.slice_grid import Axis

TAG = "MedSAM2.Seeds"
POINT_POSITIVE, POINT_NEGATIVE, BOX, PAINTED = "positive", "negative", "box", "painted"
STROKE_POSITIVE, STROKE_NEGATIVE = STROKES = ("positive stroke", "negative stroke")
LASSO_POSITIVE, LASSO_NEGATIVE = LASSOS = ("positive lasso", "negative lasso")
NEGATIVE = (POINT_NEGATIVE, STROKE_NEGATIVE, LASSO_NEGATIVE)
KINDS = (POINT_POSITIVE, POINT_NEGATIVE, BOX, PAINTED, *STROKES, *LASSOS)

Ras = tuple[float, float, float]
SliceKey: TypeAlias = tuple["Axis", int]
"""Axis and index of a slice of the grid."""


@dataclass(frozen=True)
class Seed:
    """One seed.

    Attributes:
        kind: of ``KINDS``; ``PAINTED`` means that the segment's own content on the slice is the prompt.
        ras: where it was placed, in world RAS millimetres; a corner of a box, the beginning of a line.
        normal: direction of the slice view in which it was placed, in world RAS.
        corner: the opposite corner of a box.
        path: how a stroke or lasso goes on from ``ras``.
        time: index value of the sequence's item that it belongs to; None for a volume that is no sequence's.
    """

    kind: str
    ras: Ras
    normal: Ras
    corner: Ras | None = None
    path: tuple[Ras, ...] = ()
    time: str | None = None

    @property
    def positions(self) -> tuple[Ras, ...]:
        """All positions of which it is made."""
        return (self.ras, *self.path) if self.corner is None else (self.ras, self.corner)

    @property
    def isLine(self) -> bool:
        """Whether it is a stroke or a lasso."""
        return self.kind in STROKES or self.kind in LASSOS

    @property
    def trace(self) -> tuple[Ras, ...]:
        """Where it can be seen and hit: the line, with a lasso's way back; else the place of the seed."""
        return (self.ras, *self.path, self.ras) if self.kind in LASSOS else (self.ras, *self.path)

    @property
    def isPositive(self) -> bool:
        """Whether the object is there, rather than not."""
        return self.kind not in NEGATIVE

    def movedTo(self, ras: Ras) -> "Seed":
        """The same seed elsewhere; boxes and lines keep size and shape."""
        step = np.subtract(ras, self.ras)
        corner = None if self.corner is None else _ras(np.add(self.corner, step))
        return replace(
            self, ras=ras, corner=corner, path=tuple(_ras(np.add(each, step)) for each in self.path)
        )


def readSeeds(segment: Segment | None, time: str | None) -> list[Seed]:
    """Seeds of a ``vtkSegment`` at a time point, in the order in which they were placed.

    Those that were placed when the volume was no sequence's belong to every time point.
    """
    return [seed for seed in _allSeeds(segment) if seed.time in (None, time)]


def writeSeeds(segment: Segment, seeds: list[Seed], time: str | None) -> None:
    """Keep seeds of a time point with a ``vtkSegment``; those of others stay."""
    _writeAll(segment, [*(seed for seed in _allSeeds(segment) if seed.time not in (None, time)), *seeds])


def _allSeeds(segment: Segment | None) -> list[Seed]:
    """Of all time points; none if the tag is damaged."""
    return list(_parsed(tagOf(segment, TAG)))


def tagOf(segment: Segment | None, name: str) -> str:
    """What a tag of a ``vtkSegment`` says; empty where there is none."""
    text = vtk.reference("")
    return str(text) if segment is not None and segment.GetTag(name, text) else ""


@lru_cache(maxsize=32)  # asked for whenever something is drawn
def _parsed(text: str) -> tuple[Seed, ...]:
    try:
        return tuple(_seed(**entry) for entry in json.loads(text))
    except (TypeError, ValueError, OverflowError):
        return ()


def _writeAll(segment: Segment, seeds: list[Seed]) -> None:
    if not seeds:
        segment.RemoveTag(TAG)
        return
    entries = [{key: value for key, value in vars(seed).items() if value} for seed in seeds]
    # Tags are stored between bars in the file; of what is kept a time point's name alone may hold one.
    segment.SetTag(TAG, json.dumps(entries, separators=(",", ":")).replace("|", "\\u007c"))


def _seed(
    kind: str,
    ras: Iterable[float],
    normal: Iterable[float],
    corner: Iterable[float] | None = None,
    path: Sequence[Iterable[float]] = (),
    time: str | None = None,
) -> Seed:
    fewest = 2 if kind in LASSOS else 1 if kind in STROKES else 0
    most = MOST_POSITIONS - 1 if fewest else 0
    if kind not in KINDS or (kind == BOX) != (corner is not None) or not fewest <= len(path) <= most:
        raise ValueError("no such seed")
    if not isinstance(time, str | None):
        raise ValueError("no such time")
    further = tuple(_ras(each) for each in path)
    return Seed(kind, _ras(ras), _ras(normal), None if corner is None else _ras(corner), further, time)


def _ras(values: Iterable[float]) -> Ras:
    right, anterior, superior = (float(value) for value in values)
    if not math.isfinite(right + anterior + superior):
        raise ValueError("no such place")
    return right, anterior, superior


@dataclass(frozen=True)
class PlacedSeed:
    """A seed, and where on the grid it lies: looked up once, whatever is asked of it then."""

    seed: Seed
    position: SlicePosition

    @property
    def slice(self) -> SliceKey:
        """The slice on which it lies."""
        return self.position.axis, self.position.sliceIndex


def placed(seed: Seed, grid: SegmentationGrid) -> PlacedSeed | None:
    """A seed on a grid; None where it lies outside."""
    position = grid.position(seed.ras, grid.axisOf(seed.normal))
    return None if position is None else PlacedSeed(seed, position)


def bySlice(seeds: Sequence[Seed], grid: SegmentationGrid) -> dict[SliceKey, list[PlacedSeed]]:
    """Seeds by slice, those outside the grid left out."""
    slices: dict[SliceKey, list[PlacedSeed]] = {}
    for seed in seeds:
        here = placed(seed, grid)
        if here is not None:
            slices.setdefault(here.slice, []).append(here)
    return slices


def lastSlice(seeds: Sequence[Seed], grid: SegmentationGrid) -> SliceKey | None:
    """The slice of the seed that was placed last; None without seeds on the grid."""
    positions = (placed(seed, grid) for seed in reversed(seeds))
    return next((here.slice for here in positions if here is not None), None)


def promptOf(seeds: Sequence[PlacedSeed], where: SliceKey, grid: SegmentationGrid, segmentId: str) -> Prompt:
    """All that the seeds of one slice say of a segment; a painted slice says all by itself."""
    axis, index = where
    points: list[tuple[float, float, bool]] = []
    box = None
    strokes: list[DrawnLine] = []
    lassos: list[DrawnLine] = []
    for each in seeds:
        seed, position = each.seed, each.position
        if seed.kind == PAINTED:
            return Prompt(index, mask=grid.content(segmentId).mask(axis, index))
        line = DrawnLine(((position.row, position.column), *_goingOn(each, grid)), seed.isPositive)
        if seed.kind == BOX:
            box = (*line.positions[0], *line.positions[1])
        elif seed.kind in STROKES:
            strokes.append(line)
        elif seed.kind not in LASSOS:
            points.append((position.row, position.column, seed.isPositive))
        elif len(set(line.positions)) > 2:  # else it was moved out of the volume
            lassos.append(line)
    return Prompt(index, tuple(points), box, strokes=tuple(strokes), lassos=tuple(lassos))


def _goingOn(seed: PlacedSeed, grid: SegmentationGrid) -> list[tuple[float, float]]:
    """Rows and columns of the other positions of a seed, on the slice's rim where they lie beyond that."""
    if len(seed.seed.positions) == 1:
        return []
    kji = np.clip(grid.indices(np.array(seed.seed.positions[1:])), -0.5, np.array(grid.shape) - 0.5)
    onSlice = np.delete(kji, AXES.index(seed.position.axis), axis=1)
    return [(row, column) for row, column in onSlice.tolist()]
