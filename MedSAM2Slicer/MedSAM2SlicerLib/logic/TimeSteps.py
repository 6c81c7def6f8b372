"""The steps of a segment through time: what there is at each time point, and what comes of it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from slicer.i18n import tr as _

from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.slice_grid import AXES
from medsam2.through_time import CarriedSlice, carried_slices, film_of, prompts_after

from .SegmentationSequence import SegmentationSequence, contentOf
from .TimePlan import TimePlan

if TYPE_CHECKING:
    from medsam2.protocol import Mask


class TimeSteps:
    """Goes through a plan, one time point after the other.

    Args:
        voxels: of the time point shown, (k, j, i).

    Attributes:
        value: index value of the time point in work.
        voxels: its volume, (k, j, i).
        carried, film: the slices that carry the object there, and what is shown of them.
        frame: which of ``carried`` is being tracked; -1 for none yet.
        masks: what has come of the volume, by slice.
        finished, total: time points.
        lost: names of the time points where the object was not found.
    """

    def __init__(self, plan: TimePlan, voxels: np.ndarray):
        self.plan = plan
        self._shown = voxels
        self.value = plan.point.value
        self.total = sum(len(way) for way in plan.ways)
        self.finished = 0
        self.lost: list[str] = []
        self.masks: dict[int, Mask] = {}
        self._ways = [list(way) for way in plan.ways]
        self._toBeginning()

    def _toBeginning(self) -> None:
        self._mask, self._before = self.plan.mask, self._shown

    def prepare(self) -> None:
        """Make sure that every time point has a segmentation with the segment."""
        plan = self.plan
        self._sequence = SegmentationSequence(plan.point, plan.segmentation)
        for way in plan.ways:
            for value in way:
                self._sequence.prepare(value, plan.segmentId)

    @property
    def name(self) -> str:
        """Of the time point in work."""
        return self.plan.names[self.value]

    def takeNext(self) -> bool:
        """Go to the next time point; False where none is left."""
        while self._ways and not self._ways[0]:
            self._ways.pop(0)
            self._toBeginning()
        if not self._ways:
            return False
        self.value = self._ways[0].pop(0)
        return True

    def look(self) -> bool:
        """Look at the time point's volume; False where it is gone."""
        voxels = self.plan.voxelsAt(self.value)
        if voxels is None:
            return False
        self.voxels = voxels
        self.carried = carried_slices({self.plan.segmentId: self._planes(self._mask)})
        self.film = film_of(self.carried, self._planes(self._before), self._planes(voxels))
        self.frame, self._answers = -1, dict[int, PlacedMask]()
        self.masks = {}
        return True

    def takeFrame(self) -> bool:
        """Go to the next slice that carries the object; False where none is left."""
        self.frame += 1
        return self.isFilm

    @property
    def isFilm(self) -> bool:
        """Whether slices are being carried, rather than the volume tracked."""
        return self.frame < len(self.carried)

    def take(self, mask: "Mask") -> None:
        """A slice of film or volume has come."""
        if self.isFilm:
            self._answers[self.frame] = mask.mask
        else:
            self.masks[mask.slice_index] = mask

    def prompts(self) -> list[Prompt]:
        """What the carried slices say of the volume."""
        answers: Iterable[tuple[CarriedSlice, PlacedMask]]
        answers = ((self.carried[frame], mask) for frame, mask in self._answers.items())
        return prompts_after(answers).get(self.plan.segmentId, [])

    @property
    def sliceSpacing(self) -> tuple[float, float]:
        """Millimetres between rows and between columns of the slices."""
        rows, columns = np.delete(self.plan.grid.spacing, AXES.index(self.plan.axis)).tolist()
        return rows, columns

    @property
    def isEmpty(self) -> bool:
        """Whether the object was not found."""
        return all(mask.mask.is_empty for mask in self.masks.values())

    def lose(self) -> None:
        """The object is not at the time point in work: go no further this way."""
        self.lost.append(self.name)
        self._ways[0].clear()

    def whatChanged(self) -> str:
        """Why the time point in work must not be written, in one sentence; empty if it may be."""
        item = self._sequence.item(self.value)
        if item is None:
            return _("The sequence was changed meanwhile.")
        if item.GetSegmentation().GetSegment(self.plan.segmentId) is None:
            return _("The segment was removed at time point {name}.").format(name=self.name)
        if contentOf(item, self.plan.segmentId) != self.plan.contents.get(self.value):
            text = _("The segment was changed at time point {name} meanwhile, and is left as it is.")
            return text.format(name=self.name)
        return ""

    def write(self) -> Iterable["Mask"]:
        """Write the time point in work; its masks."""
        mask = np.zeros(self.plan.grid.shape, bool)
        planes = self._planes(mask)
        for index, found in self.masks.items():
            planes[index] = found.mask.full(planes.shape[1:])
        self._sequence.write(self.value, self.plan.segmentId, self.plan.grid.slab("k", 0, mask))
        self._mask, self._before = mask, self.voxels
        self.finished += 1
        return self.masks.values()

    def _planes(self, array: np.ndarray) -> np.ndarray:
        """An array (k, j, i) as (slice, row, column)."""
        return np.moveaxis(array, AXES.index(self.plan.axis), 0)
