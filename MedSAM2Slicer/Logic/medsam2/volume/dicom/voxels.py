"""The intensities of a volume: stored values, rescaled frame by frame, in a type that holds them all."""

import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from medsam2.volume.dicom.decoding import decoded
from medsam2.volume.dicom.frame import Frame
from medsam2.volume.dicom.header import DamagedFile
from medsam2.volume.temporary_folder import temporary_folder

_WHOLE_TYPES = (np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64)
_FLOAT32_STEPS = 2**24
"""So many steps of one size float32 tells apart."""


class DamagedImage(Exception):  # noqa: N818 - like DamagedFile, of which it is the one with a path
    """A file whose pixels cannot be decoded."""

    def __init__(self, path: Path, reason: str):
        super().__init__(path, reason)
        self.path, self.reason = path, reason


def read_voxels(frames: Sequence[Frame]) -> np.ndarray:
    """Intensities (k, j, i) of planes of one size, in their order; raises DamagedImage."""
    dtype = _intensity_type(frames)
    voxels = np.empty((len(frames), *frames[0].shape), dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom comments on every small breach of the standard
        for number, values in _stored(frames):
            voxels[number] = _rescaled(frames[number], values, dtype)
    return voxels


def _intensity_type(frames: Sequence[Frame]) -> np.dtype:
    """The smallest type that holds whatever these planes may hold after rescaling, their own if it does."""
    native = [frame.file.pixels.dtype for frame in frames if frame.file.pixels is not None]
    if any(dtype.kind == "f" for dtype in native):
        return max((dtype.newbyteorder("=") for dtype in native), key=lambda dtype: dtype.itemsize)
    ranges = np.array([_range(frame) for frame in frames])
    low, high = float(ranges.min()), float(ranges.max())
    if all(float(number).is_integer() for frame in frames for number in (frame.slope, frame.intercept)):
        own = np.dtype(f"{'i' if frames[0].file.signed else 'u'}{1 if frames[0].file.bits <= 8 else 2}")
        for dtype in (own, *map(np.dtype, _WHOLE_TYPES)):
            if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
                return dtype
    finest = min(abs(frame.slope) for frame in frames)
    return np.dtype(np.float32 if max(-low, high) <= finest * _FLOAT32_STEPS else np.float64)


def _range(frame: Frame) -> tuple[float, float]:
    """What the lowest and the highest stored value become, in no order."""
    low, high = _stored_range(frame)
    return frame.slope * low + frame.intercept, frame.slope * high + frame.intercept


def _stored_range(frame: Frame) -> tuple[int, int]:
    bits = frame.file.bits
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if frame.file.signed else (0, (1 << bits) - 1)


def _stored(frames: Sequence[Frame]) -> Iterator[tuple[int, np.ndarray]]:
    """Number of each plane and its stored values, file by file."""
    by_file: dict[Path, list[int]] = defaultdict(list)
    for number, frame in enumerate(frames):
        by_file[frame.file.path].append(number)
    with temporary_folder() as scratch:
        for path, numbers in by_file.items():
            try:
                yield from _stored_in_file(frames, numbers, scratch)
            except DamagedFile as damage:
                raise DamagedImage(path, str(damage)) from damage


def _stored_in_file(
    frames: Sequence[Frame], numbers: Sequence[int], scratch: Path
) -> Iterator[tuple[int, np.ndarray]]:
    file = frames[numbers[0]].file
    by_index: dict[int, list[int]] = defaultdict(list)
    for number in numbers:
        by_index[frames[number].index].append(number)
    indices = sorted(by_index)
    for index, values in zip(indices, decoded(file, indices, scratch), strict=True):
        for number in by_index[index]:
            yield number, _tile(frames[number], values)


def _tile(frame: Frame, values: np.ndarray) -> np.ndarray:
    if frame.tile is None:
        return values
    (row, column), (rows, columns) = frame.tile, frame.shape
    return values[row : row + rows, column : column + columns]


def _rescaled(frame: Frame, values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if frame.file.inverted:
        values = sum(_stored_range(frame)) - values.astype(np.int64)
    if (frame.slope, frame.intercept) == (1, 0):
        return values
    if dtype.kind == "f":
        return values * frame.slope + frame.intercept
    return values.astype(np.int64) * int(frame.slope) + int(frame.intercept)
