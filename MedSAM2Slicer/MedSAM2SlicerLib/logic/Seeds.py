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

from ..SlicerTypes import Segment
from .SegmentationGrid import AXES, Place, SegmentationGrid

if TYPE_CHECKING:
    from medsam2.protocol.messages import Axis, FieldOfViewChoice

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
    if kind not in KINDS:
        raise ValueError("unknown kind of seed")
    return Seed(kind, _ras(ras), _ras(normal), None if corner is None else _ras(corner))


def _ras(values: list[float]) -> Ras:
    right, anterior, superior = (float(value) for value in values)
    return right, anterior, superior


def sliceOf(seed: Seed, grid: SegmentationGrid) -> SliceKey | None:
    """The slice on which a seed lies; None where it lies outside the grid."""
    place = grid.place(seed.ras, grid.axisOf(seed.normal))
    return None if place is None else (place.axis, place.sliceIndex)


def bySlice(seeds: Sequence[Seed], grid: SegmentationGrid) -> dict[SliceKey, list[Seed]]:
    """Seeds by slice, those outside the grid left out."""
    slices: dict[SliceKey, list[Seed]] = {}
    for seed in seeds:
        where = sliceOf(seed, grid)
        if where is not None:
            slices.setdefault(where, []).append(seed)
    return slices


@dataclass(frozen=True, eq=False)
class SlicePrompt:
    """All that was said of one object on one slice, in voxels of the slice.

    Attributes:
        objectId: the segment's ID.
        points: (row, column, positive).
        box: two opposite corners (row, column, row, column).
        mask: (rows, columns) bool.
        fieldOfView: "auto", "slice", millimetres, or None to keep the object's.
    """

    objectId: str
    axis: "Axis"
    sliceIndex: int
    points: tuple[tuple[float, float, bool], ...] = ()
    box: tuple[float, float, float, float] | None = None
    mask: np.ndarray | None = None
    fieldOfView: "FieldOfViewChoice | None" = None


def promptOf(
    seeds: Sequence[Seed],
    where: SliceKey,
    grid: SegmentationGrid,
    segmentId: str,
    fieldOfView: float | None = None,
) -> SlicePrompt:
    """All that the seeds of one slice say; a painted slice says all by itself."""
    axis, index = where
    points: list[tuple[float, float, bool]] = []
    box = None
    for seed in seeds:
        if seed.kind == PAINTED:
            return SlicePrompt(
                segmentId, axis, index, mask=grid.painted(segmentId, axis, index), fieldOfView=fieldOfView
            )
        place = grid.place(seed.ras, axis)
        if place is None:
            continue
        if seed.corner is not None:
            box = (place.row, place.column, *_withinSlice(seed.corner, place, grid))
        else:
            points.append((place.row, place.column, seed.kind == POINT_POSITIVE))
    return SlicePrompt(segmentId, axis, index, tuple(points), box, fieldOfView=fieldOfView)


def _withinSlice(corner: Ras, place: Place, grid: SegmentationGrid) -> tuple[float, float]:
    """Row and column of a box's opposite corner, on the slice's rim where it was moved beyond that."""
    kji = grid.indices(corner)
    limits = np.array(grid.shape) - 0.5
    row, column = np.delete(np.clip(kji, -0.5, limits), AXES.index(place.axis)).tolist()
    return row, column
