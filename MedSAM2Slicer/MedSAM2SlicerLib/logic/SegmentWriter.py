"""Streamed masks into a segment: gathered, and written in few writes on a time budget.

Whatever is written, one write costs what the segment's bounding box costs, and each makes Slicer draw its
views. So a write takes a run of slices, and brings only what changes: what the segment gains is added, what
it loses is removed, and where nothing changes nothing is written. Both go through the editor, so that
masking, other segments and undo work as for every effect.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from medsam2.placed_mask import PlacedMask

from ..SlicerTypes import Labelmap
from .SegmentationGrid import SegmentationGrid

if TYPE_CHECKING:
    from medsam2.protocol import Mask
    from medsam2.slice_grid import Axis

Write: TypeAlias = Callable[[str, Labelmap | None, Labelmap | None], None]
"""``write(segmentId, gained, lost)`` changes one segment by two labelmaps; None for no change."""
SHORTEST_PERIOD, SHARE = 0.25, 4
"""Seconds between writes: at least these, and so many times what the last write took."""
LONGEST_RUN = 16
"""Slices of one write, so that none holds the application for long."""


class SegmentWriter:
    """Gathers masks by segment and slice.

    Args:
        grid: that the masks are on.
        axis: along which axis the slices are counted.
        clock: seconds; the tests turn it by hand.
    """

    def __init__(
        self,
        write: Write,
        grid: SegmentationGrid,
        axis: "Axis",
        clock: Callable[[], float] = time.monotonic,
    ):
        self._write = write
        self.grid = grid
        self._axis = axis
        self._clock = clock
        self._waiting: dict[str, dict[int, Mask]] = {}
        self._due = clock() + SHORTEST_PERIOD

    def put(self, mask: "Mask") -> None:
        """Gather one mask (``medsam2.protocol.Mask``), in place of an earlier one of the same slice."""
        self._waiting.setdefault(mask.object_id, {})[mask.slice_index] = mask

    @property
    def waiting(self) -> bool:
        """Whether something is not written yet."""
        return bool(self._waiting)

    def writeIfDue(self) -> None:
        """Write a run, if enough time has passed."""
        if self.waiting and self._clock() >= self._due:
            started = self._clock()
            self.writeNext()
            now = self._clock()
            self._due = now + max(SHARE * (now - started), SHORTEST_PERIOD)

    def writeNext(self) -> None:
        """Write a run of slices, in place of what the segment has there."""
        segmentId, slices = next(iter(self._waiting.items()))
        run = runs(sorted(slices))[0][:LONGEST_RUN]
        masks = [slices.pop(index).mask for index in run]
        if not slices:
            del self._waiting[segmentId]
        earlier, row, column = self.grid.content(segmentId).planes(self._axis, run[0], len(run))
        boxes = [(row, column, *earlier.shape[1:])] if earlier.any() else []
        box = commonBox(boxes + [(m.row, m.column, m.height, m.width) for m in masks if not m.is_empty])
        if box is None:
            return
        before, after = (np.zeros((len(run), *box[2:]), bool) for _ in range(2))
        if boxes:
            _part(before, box, boxes[0])[:] = earlier
        for plane, mask in zip(after, masks, strict=True):
            if not mask.is_empty:
                _part(plane, box, (mask.row, mask.column, mask.height, mask.width))[:] = mask.voxels
        gained, lost = (self._slab(run[0], each, box) for each in (after & ~before, before & ~after))
        if gained is not None or lost is not None:
            self._write(segmentId, gained, lost)

    def _slab(self, first: int, planes: np.ndarray, box: "Box") -> Labelmap | None:
        """What planes cover, as a labelmap; None for nothing."""
        slices = np.flatnonzero(planes.any(axis=(1, 2)))
        if not len(slices):
            return None
        covered = planes[slices[0] : slices[-1] + 1]
        # Cropped: Slicer enlarges the segment by all of a labelmap, to cut it down again in a further step.
        shadow = PlacedMask.cropped(np.any(covered, axis=0))
        top, left = shadow.row, shadow.column
        covered = covered[:, top : top + shadow.height, left : left + shadow.width]
        return self.grid.slab(self._axis, first + int(slices[0]), covered, box[0] + top, box[1] + left)


Box: TypeAlias = tuple[int, int, int, int]
"""Row, column, height and width of a part of a slice."""


def _part(planes: np.ndarray, box: Box, inner: Box) -> np.ndarray:
    """What lies in ``inner`` of planes (..., h, w) that cover ``box``."""
    top, left = inner[0] - box[0], inner[1] - box[1]
    return planes[..., top : top + inner[2], left : left + inner[3]]


def runs(indices: list[int]) -> list[list[int]]:
    """Ascending whole numbers split where one is missing."""
    found: list[list[int]] = []
    for index in indices:
        if found and found[-1][-1] == index - 1:
            found[-1].append(index)
        else:
            found.append([index])
    return found


def commonBox(boxes: list[Box]) -> Box | None:
    """The box round all boxes; None for none."""
    if not boxes:
        return None
    top, left = min(box[0] for box in boxes), min(box[1] for box in boxes)
    bottom, right = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    return top, left, bottom - top, right - left
