"""Streamed masks into a segment: gathered, and flushed in few writes on a time budget.

One write costs what the segment's bounding box costs, whatever is written, so slices are written in runs.
A run replaces what the segment had there: the slab is removed, then the new mask added, both through the
editor, so that masking, other segments and undo work as for every effect.
"""

import time
from collections.abc import Callable

import numpy as np

SHORTEST_PERIOD, LONGEST_PERIOD = 0.15, 2.0
"""Seconds between flushes; in between, ten times what the last flush took."""
SHARE = 10


class SegmentWriter:
    """Gathers masks by segment and slice.

    Args:
        write: ``write(segmentId, labelmap, remove)`` changes one segment by a labelmap.
        grid: the ``SegmentationGrid`` that the masks are on.
        axis: along which axis the slices are counted.
        clock: seconds; the tests turn it by hand.
    """

    def __init__(self, write: Callable, grid, axis: str, clock: Callable[[], float] = time.monotonic):
        self._write = write
        self._grid = grid
        self._axis = axis
        self._clock = clock
        self._waiting: dict[str, dict[int, object]] = {}
        self._last = clock()
        self._period = SHORTEST_PERIOD

    def put(self, mask) -> None:
        """Gather one mask (``medsam2.protocol.Mask``), in place of an earlier one of the same slice."""
        self._waiting.setdefault(mask.object_id, {})[mask.slice_index] = mask

    @property
    def waiting(self) -> int:
        """Masks that are not written yet."""
        return sum(len(slices) for slices in self._waiting.values())

    def flushIfDue(self) -> None:
        """Write what waits, if enough time has passed."""
        if self._waiting and self._clock() - self._last >= self._period:
            self.flush()

    def flush(self) -> None:
        """Write all that waits."""
        started = self._clock()
        waiting, self._waiting = self._waiting, {}
        for segmentId, slices in waiting.items():
            for run in runs(sorted(slices)):
                self._writeRun(segmentId, [slices[index] for index in run])
        self._last = self._clock()
        self._period = min(max(SHARE * (self._last - started), SHORTEST_PERIOD), LONGEST_PERIOD)

    def _writeRun(self, segmentId: str, masks: list) -> None:
        first, plane = masks[0].slice_index, self._planeShape()
        filled = np.ones((len(masks), *plane), np.uint8)
        self._write(segmentId, self._grid.slab(self._axis, first, filled), True)
        box = commonBox(masks)
        if box is None:
            return
        row, column, height, width = box
        planes = np.zeros((len(masks), height, width), np.uint8)
        for target, mask in zip(planes, masks, strict=True):
            top, left = mask.row - row, mask.column - column
            target[top : top + mask.mask.shape[0], left : left + mask.mask.shape[1]] = mask.mask
        self._write(segmentId, self._grid.slab(self._axis, first, planes, row, column), False)

    def _planeShape(self) -> tuple[int, int]:
        shape = dict(zip("kji", self._grid.shape, strict=True))
        del shape[self._axis]
        return tuple(shape.values())


def runs(indices: list[int]) -> list[list[int]]:
    """Ascending whole numbers split where one is missing."""
    found: list[list[int]] = []
    for index in indices:
        if found and found[-1][-1] == index - 1:
            found[-1].append(index)
        else:
            found.append([index])
    return found


def commonBox(masks: list) -> tuple[int, int, int, int] | None:
    """Row, column, height and width of the box round all masks; None if all are empty."""
    boxes = [
        (m.row, m.column, m.row + m.mask.shape[0], m.column + m.mask.shape[1]) for m in masks if m.mask.size
    ]
    if not boxes:
        return None
    top, left = min(box[0] for box in boxes), min(box[1] for box in boxes)
    return top, left, max(box[2] for box in boxes) - top, max(box[3] for box in boxes) - left
