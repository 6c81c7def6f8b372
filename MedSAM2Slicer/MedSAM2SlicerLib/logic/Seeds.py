"""The seeds of a segment: what the user clicked, in world RAS millimetres, and what it asks of the backend.

They are kept as a tag of the segment, which follows it into copies, into undo states and into the scene
file, and leaves no nodes behind.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import vtk

from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt

from ..SlicerTypes import Segment
from .SegmentationGrid import AXES, SegmentationGrid, SlicePosition

if TYPE_CHECKING:
    from medsam2.slice_grid import Axis

TAG = "MedSAM2.Seeds"
POINT_POSITIVE, POINT_NEGATIVE, BOX, PAINTED = "positive", "negative", "box", "painted"
KINDS = (POINT_POSITIVE, POINT_NEGATIVE, BOX, PAINTED)

Ras = tuple[float, float, float]
SliceKey: TypeAlias = tuple["Axis", int]
"""Axis and index of a slice of the grid."""


@dataclass(frozen=True)
class Seed:
    """One seed.

    Attributes:
        kind: of ``KINDS``; ``PAINTED`` means that the segment's own content on the slice is the prompt.
        ras: where it was placed, in world RAS millimetres; a corner of a box.
        normal: direction of the slice view in which it was placed, in world RAS.
        corner: the opposite corner of a box.
    """

    kind: str
    ras: Ras
    normal: Ras
    corner: Ras | None = None

    def movedTo(self, ras: Ras) -> "Seed":
        """The same seed elsewhere; a box keeps its size."""
        if self.corner is None:
            return replace(self, ras=ras)
        moved = [c + new - old for c, new, old in zip(self.corner, ras, self.ras, strict=True)]
        return replace(self, ras=ras, corner=_ras(moved))


def readSeeds(segment: Segment | None) -> list[Seed]:
    """Seeds of a ``vtkSegment``, in the order in which they were placed; none if the tag is damaged."""
    text = vtk.reference("")
    if segment is None or not segment.GetTag(TAG, text):
        return []
    try:
        return [_seed(**entry) for entry in json.loads(str(text))]
    except (TypeError, ValueError):
        return []


def writeSeeds(segment: Segment, seeds: list[Seed]) -> None:
    """Keep seeds with a ``vtkSegment``."""
    if not seeds:
        segment.RemoveTag(TAG)
        return
    # Tags are stored between bars in the file, and numbers and the kinds hold none.
    entries = [{key: value for key, value in asdict(seed).items() if value is not None} for seed in seeds]
    segment.SetTag(TAG, json.dumps(entries, separators=(",", ":")))


def _seed(kind: str, ras: list[float], normal: list[float], corner: list[float] | None = None) -> Seed:
    if kind not in KINDS or (kind == BOX) != (corner is not None):
        raise ValueError("no such seed")
    return Seed(kind, _ras(ras), _ras(normal), None if corner is None else _ras(corner))


def _ras(values: list[float]) -> Ras:
    right, anterior, superior = (float(value) for value in values)
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


def promptOf(seeds: Sequence[PlacedSeed], where: SliceKey, grid: SegmentationGrid, segmentId: str) -> Prompt:
    """All that the seeds of one slice say of a segment; a painted slice says all by itself."""
    axis, index = where
    points: list[tuple[float, float, bool]] = []
    box = None
    for each in seeds:
        seed, position = each.seed, each.position
        if seed.kind == PAINTED:
            return Prompt(index, mask=PlacedMask.cropped(grid.painted(segmentId, axis, index)))
        if seed.corner is not None:
            box = (position.row, position.column, *_withinSlice(seed.corner, position, grid))
        else:
            points.append((position.row, position.column, seed.kind == POINT_POSITIVE))
    return Prompt(index, tuple(points), box)


def _withinSlice(corner: Ras, position: SlicePosition, grid: SegmentationGrid) -> tuple[float, float]:
    """Row and column of a box's opposite corner, on the slice's rim where it was moved beyond that."""
    kji = grid.indices(corner)
    limits = np.array(grid.shape) - 0.5
    row, column = np.delete(np.clip(kji, -0.5, limits), AXES.index(position.axis)).tolist()
    return row, column
