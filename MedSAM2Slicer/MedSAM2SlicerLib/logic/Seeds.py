"""The seeds of a segment: what the user clicked, in world RAS millimetres, kept as a tag of the segment.

A tag follows its segment into copies, into undo states and into the scene file, and leaves no nodes behind.
"""

import json
from dataclasses import asdict, dataclass, replace

import vtk

TAG = "MedSAM2.Seeds"
POINT_POSITIVE, POINT_NEGATIVE, BOX, PAINTED = "positive", "negative", "box", "painted"
KINDS = (POINT_POSITIVE, POINT_NEGATIVE, BOX, PAINTED)

Ras = tuple[float, float, float]


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
        corner = tuple(c + new - old for c, new, old in zip(self.corner, ras, self.ras, strict=True))
        return replace(self, ras=ras, corner=corner)


def readSeeds(segment) -> list[Seed]:
    """Seeds of a ``vtkSegment``, in the order in which they were placed; none if the tag is damaged."""
    text = vtk.reference("")
    if segment is None or not segment.GetTag(TAG, text):
        return []
    try:
        return [_seed(**entry) for entry in json.loads(str(text))]
    except (TypeError, ValueError):
        return []


def writeSeeds(segment, seeds: list[Seed]) -> None:
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
