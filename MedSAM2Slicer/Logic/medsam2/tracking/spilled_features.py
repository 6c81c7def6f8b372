"""Image features that memory has no room for, in a temporary file without a name."""

import os
import shutil
import statistics
import tempfile
import time
import weakref
from collections import OrderedDict, deque
from collections.abc import Iterator
from pathlib import Path

import torch

from medsam2.model.segmentation_network import ImageFeatures

from .field_of_view import FieldOfView

MOST_BYTES = 4 * 2**30
"""Those of 1,000 slices at tiny/512."""
FREE_SHARE = 0.1
"""Of what is free on the disk no more is taken, so that nobody else finds it full."""
TRIED = 8
"""Writes and reads whose median counts: one alone may have waited for others."""
LARGE_FILES = Path("/var/tmp")
"""Where there is one: ``/tmp`` often lies in memory, which is what there is too little of."""

Key = tuple[int, FieldOfView]


class SpilledFeatures:
    """Features of one network by slice and field of view, the least recently used dropped first.

    The file is gone when the process ends, however it ends. A disk that is full, that cannot be written to,
    or that takes longer than encoding, is no error: nothing more is kept. What is read has the bits and the
    layout of what was written.

    Args:
        limit: bytes that the file may take; 0 keeps nothing.
    """

    def __init__(self, limit: int = MOST_BYTES):
        self._limit = limit
        self._file: _SlotFile | None = None
        self._slots: OrderedDict[Key, int] = OrderedDict()
        self._encoding_seconds = float("inf")
        self._seconds: deque[float] = deque(maxlen=TRIED)

    def __contains__(self, key: Key) -> bool:
        return key in self._slots

    @property
    def is_used(self) -> bool:
        """Whether anything is kept."""
        return bool(self._slots)

    def encoding_took(self, seconds: float) -> None:
        """Tell how long features take that are encoded again; the least counts."""
        self._encoding_seconds = min(self._encoding_seconds, seconds)

    def put(self, key: Key, features: ImageFeatures) -> None:
        """Keep features, unless they are kept, or nothing more is."""
        if key in self._slots:
            self._slots.move_to_end(key)
            return
        if not self._limit:
            return
        started = time.perf_counter()
        try:
            self._write(key, features.map(_packed))
        except OSError:
            self._limit = 0
        else:
            self._count(time.perf_counter() - started)

    def get(self, key: Key, device: torch.device) -> ImageFeatures | None:
        """Features as they were, on a device; None where they are not kept."""
        if self._file is None or key not in self._slots:
            return None
        self._slots.move_to_end(key)
        started = time.perf_counter()
        try:
            features = self._file.read(self._slots[key]).map(lambda level: level.to(device))
        except OSError:
            self._give_up()
            return None
        self._count(time.perf_counter() - started)
        return features

    def clear(self) -> None:
        """Drop everything, and give the disk its room back."""
        self._slots.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, key: Key, packed: ImageFeatures) -> None:
        if self._file is None:
            self._file = _SlotFile(packed, self._limit)
        slot = next(self._file.unused, None)
        if slot is None:
            _, slot = self._slots.popitem(last=False)
        self._file.write(slot, packed)
        self._slots[key] = slot

    def _count(self, seconds: float) -> None:
        """Give up where to write and to read takes longer than to encode."""
        self._seconds.append(seconds)
        if len(self._seconds) == TRIED and 2 * statistics.median(self._seconds) > self._encoding_seconds:
            self._give_up()

    def _give_up(self) -> None:
        self.clear()
        self._limit = 0


class _SlotFile:
    """A temporary file with room for the features of some images, which are all of one size.

    Args:
        example: what they are like, packed.
        limit: bytes that they may take.

    Attributes:
        unused: slots that were never written.

    Raises:
        OSError: there is no room, or none that may be written to.
    """

    def __init__(self, example: ImageFeatures, limit: int):
        folder = _folder()
        room = min(limit, int(FREE_SHARE * shutil.disk_usage(folder).free))
        slots = room // feature_bytes(example)
        if not slots:
            raise OSError("There is no room for features on the disk.")
        self.unused = iter(range(slots))
        self._layout = example.map(torch.empty_like)  # not touched, so no memory is taken
        self._file = tempfile.TemporaryFile(buffering=0, dir=folder)  # noqa: SIM115 - as long as this
        self.close = weakref.finalize(self, self._file.close)

    def write(self, slot: int, packed: ImageFeatures) -> None:
        self._seek(slot)
        for data in _bytes_of(packed):
            if self._file.write(data) != len(data):
                raise OSError("The disk is full.")

    def read(self, slot: int) -> ImageFeatures:
        """On the CPU."""
        self._seek(slot)
        features = self._layout.map(torch.empty_like)
        for data in _bytes_of(features):
            if self._file.readinto(data) != len(data):
                raise OSError("The file ends early.")
        return features

    def _seek(self, slot: int) -> None:
        self._file.seek(slot * feature_bytes(self._layout))


def feature_bytes(features: ImageFeatures) -> int:
    """What features take, in memory and on disk."""
    return sum(level.numel() * level.element_size() for level in features if level is not None)


def _folder() -> str:
    """What the user's ``TMPDIR`` says, else one for large files."""
    if "TMPDIR" not in os.environ and os.access(LARGE_FILES, os.W_OK):
        return str(LARGE_FILES)
    return tempfile.gettempdir()


def _packed(level: torch.Tensor) -> torch.Tensor:
    """A copy on the CPU without gaps, its axes in memory in the order that they were."""
    return torch.empty_like(level, device="cpu").copy_(level)


def _bytes_of(features: ImageFeatures) -> Iterator[memoryview]:
    """The memory of packed features, level by level."""
    for level in features:
        if level is not None:
            yield level.as_strided((level.numel(),), (1,)).view(torch.uint8).numpy().data
