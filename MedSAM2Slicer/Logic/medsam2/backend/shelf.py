"""Uploads that a lost connection has cut: kept for a minute, so that they can go on."""

import time
from collections.abc import Callable
from dataclasses import replace

from medsam2.protocol import OpenVolume, Upload

KEPT_SECONDS = 60.0


class Shelf:
    """Unfinished uploads by the name of their owner's token and the upload's own.

    Used from one thread.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._kept: dict[tuple[str, str], tuple[float, Upload]] = {}

    def put(self, owner: str, upload: Upload) -> None:
        """Keep an upload for a while."""
        self._kept[owner, upload.announced.upload] = (self._clock() + KEPT_SECONDS, upload)

    def take(self, owner: str, announced: OpenVolume) -> Upload | None:
        """The unfinished upload of the same name, if it is of the same kind of volume."""
        self.tidy()
        _, upload = self._kept.pop((owner, announced.upload), (0.0, None))
        return upload if upload is not None and same_voxels(upload.announced, announced) else None

    def tidy(self) -> None:
        """Drop what has been kept long enough."""
        now = self._clock()
        self._kept = {key: (end, upload) for key, (end, upload) in self._kept.items() if end > now}


def same_voxels(one: OpenVolume, other: OpenVolume) -> bool:
    """Whether two announcements are of the same voxels, packed in the same way."""
    options = {"id": 0, "window": None, "memory": "temporal", "modality": None}
    return replace(one, **options) == replace(other, **options)
