"""The volumes that DICOM files form, numbered and described as they are listed."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from medsam2.volume.dicom.frame import Frame
from medsam2.volume.dicom.grouping import by_series, stacks
from medsam2.volume.dicom.resampling import can_be_resampled
from medsam2.volume.dicom.stack import Stack
from medsam2.volume.orientation import PLANES

_STRAIGHT = np.cos(np.radians(5))


@dataclass(frozen=True)
class VolumeEntry:
    """One volume of a DICOM folder or file, as it is listed.

    Attributes:
        number: what ``--volume`` takes, from 1.
        series: what ``--series`` takes, from 1.
        series_number, series_uid: what DICOM calls the series; None and "" where it does not.
        description: the series' description, and what sets this volume apart in it, such as "time 2".
        modality: DICOM's word, such as "CT"; None if there is none.
        shape: voxels along (k, j, i).
        spacing: millimetres along (k, j, i); None where the slices form no regular grid.
        orientation: "axial", "coronal" or "sagittal", with "oblique" before it where that is far from
            straight; "unknown" where the files do not say.
        date: YYYY-MM-DD, or "".
        file_count: number of files.
        problem: why it cannot be read as it is, without a full stop; None if it can.
        can_be_resampled: whether ``--resample`` reads it all the same.
        notes: what deserves a look though it can be read, as sentences.
    """

    number: int
    series: int
    series_number: int | None
    series_uid: str
    description: str
    modality: str | None
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float] | None
    orientation: str
    date: str
    file_count: int
    problem: str | None
    can_be_resampled: bool
    notes: tuple[str, ...]

    def __str__(self) -> str:
        k, j, i = self.shape
        words = [self.modality, self.description, f"{i} x {j} x {k}", self.orientation, self.date]
        return f"volume {self.number} (series {self.series}): {', '.join(filter(None, words))}"


@dataclass(frozen=True, eq=False)
class ListedVolume:
    """A volume's entry, and its planes."""

    entry: VolumeEntry
    stack: Stack


def listed_volumes(frames: Sequence[Frame]) -> list[ListedVolume]:
    """The volumes that planes form, by series, and in a series by their first file."""
    found: list[ListedVolume] = []
    for series, planes in enumerate(by_series(frames), start=1):
        parts = stacks(planes)
        for part, apart in zip(parts, _what_sets_apart(parts), strict=True):
            found.append(ListedVolume(_entry(len(found) + 1, series, part, apart), part))
    return found


def _entry(number: int, series: int, stack: Stack, apart: str) -> VolumeEntry:
    frame = stack.frames[0]
    file = frame.file
    return VolumeEntry(
        number=number,
        series=series,
        series_number=file.series_number,
        series_uid=file.series_uid,
        description=", ".join(filter(None, (file.description, apart))),
        modality=file.modality or None,
        shape=(len(stack.frames), *frame.shape),
        spacing=None if stack.geometry is None else stack.geometry.spacing,
        orientation=_orientation(frame),
        date=file.date,
        file_count=len({each.file.path for each in stack.frames}),
        problem=stack.problem,
        can_be_resampled=stack.problem is not None and can_be_resampled(stack),
        notes=stack.notes,
    )


def _orientation(frame: Frame) -> str:
    if frame.directions is None:
        return "unknown"
    closeness = np.abs(frame.normal)
    plane = PLANES[int(closeness.argmax())]  # L, P and S run along R, A and S
    return plane if closeness.max() >= _STRAIGHT else f"oblique {plane}"


def _what_sets_apart(parts: Sequence[Stack]) -> list[str]:
    """For each volume of a series as many of the properties in which they differ as tell them apart."""
    shown = [_properties(part.frames[0]) for part in parts]
    words = [""] * len(parts)
    for name in shown[0]:
        if len({each.get(name) for each in shown}) > 1 and len(set(words)) < len(parts):
            added = (_word(name, each.get(name)) for each in shown)
            words = [", ".join(filter(None, pair)) for pair in zip(words, added, strict=True)]
    return words


def _properties(frame: Frame) -> dict[str, Hashable]:
    return {"frame of reference": frame.file.frame_of_reference, **frame.kind, **frame.marks}


def _word(name: str, value: Hashable) -> str:
    return f"{name} {value}".replace("\\", "/") if value not in ("", None) else f"no {name}"
