"""Uploads that a lost connection has cut: kept for a minute, so that they can go on."""

import time
from collections.abc import Callable
from dataclasses import replace

from medsam2.protocol import OpenVolume, Upload

KEPT_SECONDS = 60.0


class ParkedUploads:
    """Unfinished uploads by the name of their owner's token and the upload's own.

    Used from one thread.

    Args:
        dropped: called with every upload that was not taken again.
        clock: seconds.
    """

    def __init__(self, dropped: Callable[[Upload], None], clock: Callable[[], float] = time.monotonic):
        self._dropped = dropped
        self._clock = clock
        self._kept: dict[tuple[str, str], tuple[float, Upload]] = {}

    def put(self, owner: str, upload: Upload) -> None:
        """Keep an upload for a while, in place of one of the same name."""
        key = (owner, upload.announced.upload)
        self._drop(key)
        self._kept[key] = (self._clock() + KEPT_SECONDS, upload)

    def take(self, owner: str, announced: OpenVolume) -> Upload | None:
        """The unfinished upload of the same name, if it is of the same kind of volume."""
        self.tidy()
        key = (owner, announced.upload)
        if key in self._kept and same_voxels(self._kept[key][1].announced, announced):
            return self._kept.pop(key)[1]
        self._drop(key)
        return None

    def tidy(self) -> None:
        """Drop what has been kept long enough."""
        now = self._clock()
        for key in [key for key, (end, _) in self._kept.items() if end <= now]:
            self._drop(key)

    def _drop(self, key: tuple[str, str]) -> None:
        if key in self._kept:
            self._dropped(self._kept.pop(key)[1])


def same_voxels(one: OpenVolume, other: OpenVolume) -> bool:
    """Whether two announcements are of the same voxels, packed in the same way."""
    like_the_other = replace(
        one, id=other.id, window=other.window, memory=other.memory, modality=other.modality
    )
    return like_the_other == other
