"""Streamed masks into a segment: gathered, and flushed in few writes on a time budget.

One write costs what the segment's bounding box costs, whatever is written, so slices are written in runs.
A run replaces what the segment had there: the slab is removed, then the new mask added, both through the
editor, so that masking, other segments and undo work as for every effect.
"""

import time
from collections.abc import Callable

import numpy as np

SHORTEST_PERIOD, SHARE = 0.1, 4
"""Seconds between writes: at least these, and so many times what the last write took."""
LONGEST_RUN = 16
"""Slices of one write, so that none holds the application for long."""


class SegmentWriter:
    """Gathers masks by segment and slice.

    Args:
        write: ``write(segmentId, labelmap, remove)`` changes one segment by a labelmap.
        content: ``content(segmentId)`` gives the part of the grid in which the segment may have voxels:
            three slices of the array (k, j, i), or None for nowhere.
        grid: the ``SegmentationGrid`` that the masks are on.
        axis: along which axis the slices are counted.
        clock: seconds; the tests turn it by hand.
    """

    def __init__(
        self, write: Callable, content: Callable, grid, axis: str, clock: Callable[[], float] = time.monotonic
    ):
        self._write = write
        self._content = content
        self._grid = grid
        self._axis = axis
        self._clock = clock
        self._waiting: dict[str, dict[int, object]] = {}
        self._due = clock() + SHORTEST_PERIOD

    def put(self, mask) -> None:
        """Gather one mask (``medsam2.protocol.Mask``), in place of an earlier one of the same slice."""
        self._waiting.setdefault(mask.object_id, {})[mask.slice_index] = mask

    @property
    def waiting(self) -> int:
        """Masks that are not written yet."""
        return sum(len(slices) for slices in self._waiting.values())

    def flushIfDue(self) -> None:
        """Write one run of what waits, if enough time has passed."""
        if self._waiting and self._clock() >= self._due:
            started = self._clock()
            self._writeNext()
            now = self._clock()
            self._due = now + max(SHARE * (now - started), SHORTEST_PERIOD)

    def flush(self) -> None:
        """Write all that waits."""
        while self._waiting:
            self._writeNext()

    def _writeNext(self) -> None:
        segmentId, slices = next(iter(self._waiting.items()))
        run = runs(sorted(slices))[0][:LONGEST_RUN]
        masks = [slices.pop(index) for index in run]
        if not slices:
            del self._waiting[segmentId]
        self._clear(segmentId, run)
        self._add(segmentId, masks)

    def _clear(self, segmentId: str, run: list[int]) -> None:
        """Take away what the segment has on a run of slices; nothing is done where it has nothing."""
        content = self._content(segmentId)
        if content is None:
            return
        part = dict(zip("kji", content, strict=True))
        along = part.pop(self._axis)
        first, stop = max(run[0], along.start), min(run[-1] + 1, along.stop)
        rows, columns = part.values()
        size = (stop - first, rows.stop - rows.start, columns.stop - columns.start)
        if min(size) > 0:
            slab = self._grid.slab(self._axis, first, np.ones(size, np.uint8), rows.start, columns.start)
            self._write(segmentId, slab, True)

    def _add(self, segmentId: str, masks: list) -> None:
        box = commonBox(masks)
        if box is None:
            return
        row, column, height, width = box
        planes = np.zeros((len(masks), height, width), np.uint8)
        for target, mask in zip(planes, masks, strict=True):
            top, left = mask.row - row, mask.column - column
            target[top : top + mask.mask.shape[0], left : left + mask.mask.shape[1]] = mask.mask
        slab = self._grid.slab(self._axis, masks[0].slice_index, planes, row, column)
        self._write(segmentId, slab, False)


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
