"""Streamed masks into a segment: gathered, and flushed in few writes on a time budget.

One write costs what the segment's bounding box costs, whatever is written, so slices are written in runs.
A run replaces what the segment had there: the masks are added, then, in a write of its own, the rest is
removed. In between there is too much rather than too little, should the user stop just then. Both go through
the editor, so that masking, other segments and undo work as for every effect.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from medsam2.placed_mask import PlacedMask

from ..SlicerTypes import Labelmap
from .SegmentationGrid import AXES, SegmentationGrid

if TYPE_CHECKING:
    from medsam2.protocol import Mask
    from medsam2.slice_grid import Axis

Write: TypeAlias = Callable[[str, Labelmap, bool], None]
"""``write(segmentId, labelmap, remove)`` changes one segment by a labelmap."""
Content: TypeAlias = Callable[[str], tuple[slice, slice, slice] | None]
"""``content(segmentId)`` gives the part of the grid in which a segment may have voxels: three slices of the
array (k, j, i), or None for nowhere."""
SHORTEST_PERIOD, SHARE = 0.1, 4
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
        content: Content,
        grid: SegmentationGrid,
        axis: "Axis",
        clock: Callable[[], float] = time.monotonic,
    ):
        self._write = write
        self._content = content
        self.grid = grid
        self._axis = axis
        self._clock = clock
        self._waiting: dict[str, dict[int, Mask]] = {}
        self._replaced: _Replaced | None = None
        self._due = clock() + SHORTEST_PERIOD

    def put(self, mask: "Mask") -> None:
        """Gather one mask (``medsam2.protocol.Mask``), in place of an earlier one of the same slice."""
        self._waiting.setdefault(mask.object_id, {})[mask.slice_index] = mask

    @property
    def waiting(self) -> bool:
        """Whether something is not written yet."""
        return bool(self._waiting) or self._replaced is not None

    def writeIfDue(self) -> None:
        """Do one write, if enough time has passed."""
        if self.waiting and self._clock() >= self._due:
            started = self._clock()
            self.writeNext()
            now = self._clock()
            self._due = now + max(SHARE * (now - started), SHORTEST_PERIOD)

    def writeNext(self) -> None:
        """Do one write."""
        if self._replaced is not None:
            replaced, self._replaced = self._replaced, None
            self._write(replaced.segmentId, self._rest(replaced), True)
            return
        segmentId, slices = next(iter(self._waiting.items()))
        run = runs(sorted(slices))[0][:LONGEST_RUN]
        masks = [slices.pop(index) for index in run]
        if not slices:
            del self._waiting[segmentId]
        self._replaced = self._earlier(segmentId, masks)
        self._add(segmentId, masks)

    def _earlier(self, segmentId: str, masks: list["Mask"]) -> "_Replaced | None":
        """Where the segment may have voxels on the slices of a run; None for nowhere."""
        content = self._content(segmentId)
        if content is None:
            return None
        part = dict(zip(AXES, content, strict=True))
        along = part.pop(self._axis)
        first = max(masks[0].slice_index, along.start)
        stop = min(masks[-1].slice_index + 1, along.stop)
        rows, columns = part.values()
        if min(stop - first, rows.stop - rows.start, columns.stop - columns.start) <= 0:
            return None
        return _Replaced(segmentId, slice(first, stop), rows, columns, masks)

    def _rest(self, replaced: "_Replaced") -> Labelmap:
        """All but the masks, as a labelmap."""
        along, rows, columns = replaced.along, replaced.rows, replaced.columns
        size = (along.stop - along.start, rows.stop - rows.start, columns.stop - columns.start)
        planes = np.ones(size, np.uint8)
        for mask in replaced.masks:
            if along.start <= mask.slice_index < along.stop:
                _cutOut(planes[mask.slice_index - along.start], mask.mask, rows.start, columns.start)
        return self.grid.slab(self._axis, along.start, planes, rows.start, columns.start)

    def _add(self, segmentId: str, masks: list["Mask"]) -> None:
        box = commonBox([mask.mask for mask in masks])
        if box is None:
            return
        row, column, height, width = box
        planes = np.zeros((len(masks), height, width), np.uint8)
        for target, mask in zip(planes, masks, strict=True):
            top, left = mask.mask.row - row, mask.mask.column - column
            target[top : top + mask.mask.height, left : left + mask.mask.width] = mask.mask.voxels
        slab = self.grid.slab(self._axis, masks[0].slice_index, planes, row, column)
        self._write(segmentId, slab, False)


@dataclass(frozen=True)
class _Replaced:
    """A run of masks that was added, and the part of the grid in which the segment had voxels before."""

    segmentId: str
    along: slice
    rows: slice
    columns: slice
    masks: list["Mask"]


def _cutOut(plane: np.ndarray, mask: PlacedMask, row: int, column: int) -> None:
    """Clear a mask's voxels on a part of its slice (rows, columns) that begins at ``row``, ``column``."""
    top, left = mask.row - row, mask.column - column
    inside = plane[max(top, 0) : max(top + mask.height, 0), max(left, 0) : max(left + mask.width, 0)]
    cut = mask.voxels[max(-top, 0) :, max(-left, 0) :][: inside.shape[0], : inside.shape[1]]
    inside[cut] = 0


def runs(indices: list[int]) -> list[list[int]]:
    """Ascending whole numbers split where one is missing."""
    found: list[list[int]] = []
    for index in indices:
        if found and found[-1][-1] == index - 1:
            found[-1].append(index)
        else:
            found.append([index])
    return found


def commonBox(masks: list[PlacedMask]) -> tuple[int, int, int, int] | None:
    """Row, column, height and width of the box round all masks; None if all are empty."""
    boxes = [(m.row, m.column, m.row + m.height, m.column + m.width) for m in masks if not m.is_empty]
    if not boxes:
        return None
    top, left = min(box[0] for box in boxes), min(box[1] for box in boxes)
    return top, left, max(box[2] for box in boxes) - top, max(box[3] for box in boxes) - left
