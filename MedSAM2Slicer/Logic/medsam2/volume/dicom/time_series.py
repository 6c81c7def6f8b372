"""Which volumes of a DICOM series are the time points of one sequence, and which file is a film."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from medsam2.volume.dicom.frame import Frame
from medsam2.volume.dicom.stack import Stack, stack
from medsam2.volume.dicom.timing import increasing
from medsam2.volume.image_sequence import ImageSequence, TimePoints
from medsam2.volume.volume import Volume

_ORDERS = ("time", "time point", "phase")
"""Marks that number the time points."""
_TIME_MARKS = (*_ORDERS, "trigger time", "acquisition", "acquired")
_FILMED = ("US", "IVUS", "XA", "RF", "ES", "GM", "XC", "OP")
"""Modalities whose frames without a place are moments, not slices."""
_SAME_PLACE_MM = 0.01


def in_time(volumes: Sequence[Stack]) -> list[Stack] | None:
    """Volumes in the order of their time; None where they differ in anything else, or are a single one."""
    first = volumes[0]
    if len(volumes) < 2 or not all(_differs_in_time_alone(first, other) for other in volumes):
        return None
    for name in _ORDERS:
        numbers = [_number(volume.frames[0].marks.get(name)) for volume in volumes]
        if None not in numbers and len(set(numbers)) == len(volumes):
            return [volumes[index] for index in np.argsort(np.array(numbers, float))]
    seconds = [_seconds(volume) for volume in volumes]
    if None not in seconds:
        return [volumes[index] for index in np.argsort(np.array(seconds, float), kind="stable")]
    return list(volumes)


def _number(mark: object) -> float | None:
    try:
        return float(str(mark))
    except ValueError:
        return None


def _seconds(volume: Stack) -> float | None:
    """When its first slice was acquired."""
    known = [frame.seconds for frame in volume.frames if frame.seconds is not None]
    return min(known, default=None)


def _differs_in_time_alone(one: Stack, other: Stack) -> bool:
    if one.geometry is None or other.geometry is None or one.geometry.shape != other.geometry.shape:
        return False
    if not one.geometry.may_share_space_with(other.geometry):
        return False
    apart = np.abs(one.geometry.ijk_to_ras - other.geometry.ijk_to_ras) * (*one.geometry.shape[::-1], 1)
    return bool(apart.max() <= _SAME_PLACE_MM) and _but_time(one.frames[0]) == _but_time(other.frames[0])


def _but_time(frame: Frame) -> tuple:
    """All that sets volumes apart, but for time."""
    marks = {
        name: mark
        for name, mark in frame.marks.items()
        if name not in _TIME_MARKS and not name.startswith("time ")
    }
    series = frame.file.patient_and_study, frame.file.series_uid, frame.file.series_number
    return series, frame.file.description, dict(frame.kind), marks


def sequence_of(volumes: Sequence[Stack], read: Callable[[Stack], Volume]) -> ImageSequence:
    """The sequence of volumes that are in the order of their time."""
    times = _time_points([_seconds(volume) for volume in volumes])
    return ImageSequence(times, lambda time_point: read(volumes[time_point]))


def is_film(frames: Stack) -> bool:
    """Whether frames of one file are moments: they have no place, and a time, or come from a camera."""
    if len(frames.frames) < 2 or any(frame.position is not None for frame in frames.frames):
        return False
    first = frames.frames[0]
    return first.seconds is not None or first.file.modality in _FILMED


def film(frames: Stack, read: Callable[[Stack], Volume]) -> ImageSequence:
    """The sequence of the frames of a film, which are read together, as they are small and one file."""
    single = stack(frames.frames[:1])
    # Nothing is told of a slice's thickness, as it has none.
    notes = tuple(sentence for sentence in single.notes if "pixels" in sentence)

    @cache
    def all_frames() -> Volume:
        return read(replace(frames, notes=notes))

    def volume(time_point: int) -> Volume:
        whole, frame = all_frames(), frames.frames[time_point]
        assert single.geometry is not None
        return Volume(whole.voxels[time_point : time_point + 1], single.geometry, whole.modality, (frame,))

    return ImageSequence(_time_points([frame.seconds for frame in frames.frames]), volume)


def _time_points(seconds: Sequence[float | None]) -> TimePoints:
    passed = increasing(seconds)
    return TimePoints(len(seconds), tuple(f"{each:.6g}" for each in passed), "s" if passed else "")
