"""Seeds of the selected segment: placed, moved, removed; each change asks for the slice's mask."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from slicer.i18n import tr as _

from .BackendRequests import BackendRequests
from .Display import Display
from .EditorState import EditorState
from .Seeds import (
    BOX,
    PAINTED,
    POINT_NEGATIVE,
    POINT_POSITIVE,
    PlacedSeed,
    Ras,
    Seed,
    SliceKey,
    bySlice,
    placed,
    promptOf,
    readSeeds,
    writeSeeds,
)
from .SegmentationGrid import SegmentationGrid
from .SliceResults import SliceResults

LARGER, SMALLER = 1.5, 1 / 1.5
ONE_OF_A_SLICE = (BOX, PAINTED)


class SeedEditing:
    """Changes seeds and asks the backend.

    Args:
        display: told what is wrong.
        onChanged: called when seeds were added, moved or removed.
    """

    def __init__(
        self,
        editor: EditorState,
        requests: BackendRequests,
        results: SliceResults,
        display: Display,
        onChanged: Callable[[], None],
    ):
        self._editor = editor
        self._requests = requests
        self._results = results
        self._display = display
        self._onChanged = onChanged

    def seeds(self) -> list[Seed]:
        """Seeds of the selected segment."""
        return readSeeds(self._editor.selected)

    def addPoint(self, ras: Ras, normal: Ras, positive: bool) -> None:
        """Place a seed on, or off, the object."""
        self._add(Seed(POINT_POSITIVE if positive else POINT_NEGATIVE, ras, normal))

    def addBox(self, ras: Ras, opposite: Ras, normal: Ras) -> None:
        """Draw a box, in place of an earlier one on the slice."""
        self._add(Seed(BOX, ras, normal, opposite))

    def addPainted(self, ras: Ras, normal: Ras) -> None:
        """The segment's own content becomes the prompt, on the slice that a view with that middle shows."""
        grid = self._editor.grid()
        if grid is None:
            return
        position = grid.onSlice(ras, grid.axisOf(normal))
        if position is None:
            self._display.showMessage(_("The view shows no slice of the volume: scroll to one."), True)
            return
        mask = grid.painted(self._editor.selectedId, position.axis, position.sliceIndex)
        if not mask.any():
            text = _("The segment has nothing on this slice: paint the object there first.")
            self._display.showMessage(text, True)
            return
        row, column = _innermost(mask)
        self._add(Seed(PAINTED, grid.ras(replace(position, row=row, column=column)), normal))

    def remove(self, index: int) -> None:
        """Remove a seed and ask for its slice again without it."""
        seeds = self.seeds()
        seed = seeds.pop(index)
        self._change(seeds, seed)

    def move(self, index: int, ras: Ras) -> None:
        """Move a seed and ask for its slice again."""
        seeds = self.seeds()
        old, seeds[index] = seeds[index], seeds[index].movedTo(ras)
        self._change(seeds, old)
        self._askAgain(seeds[index])

    def clear(self) -> None:
        """Remove all seeds; the segment's voxels stay."""
        segment = self._editor.selected
        if segment is not None:
            writeSeeds(segment, [])
            self._results.previews.pop(self._editor.selectedId, None)
            self._requests.forget(self._editor.selectedId)
            self._onChanged()

    def resizeFieldOfView(self, larger: bool) -> None:
        """Show the network more, or less, round the object, and ask for the slice again."""
        grid, seeds = self._editor.grid(), self.seeds()
        if grid is None or not seeds:
            text = _("Click the object first; then its field of view can be changed.")
            self._display.showMessage(text)
            return
        asked = self._results.prompted.get(self._editor.selectedId)
        if asked is not None and (asked.axis, asked.slice_index) in bySlice(seeds, grid):
            # Rows follow each other along the first array axis that is not the slices' own.
            rowAxis = 1 if asked.axis == "k" else 0
            side = asked.field_of_view.rows * grid.spacing[rowAxis] * (LARGER if larger else SMALLER)
            self._ask((asked.axis, asked.slice_index), grid, fieldOfView=side)
        else:  # as in a scene that was loaded; the answer will say which field of view there is to change
            self._askAgain(seeds[-1])
        self._onChanged()

    def openVolume(self, grid: SegmentationGrid) -> bool:
        """Make the backend know the volume as it is now, and all seeds; False if it does already."""
        if self._requests.isOpen(self._editor.key):
            return False
        self._requests.open(self._editor.offer(grid))
        for segmentId in self._editor.segmentIds():
            for where, seeds in bySlice(readSeeds(self._editor.segment(segmentId)), grid).items():
                prompt = promptOf(seeds, where, grid, segmentId)
                self._requests.prompt(segmentId, where[0], prompt, replace=False)
        return True

    def _add(self, seed: Seed) -> None:
        segment, grid = self._editor.selected, self._editor.grid()
        if segment is None:
            self._display.showMessage(_("Add a segment first (green plus above)."), True)
            return
        if grid is None:
            return
        new = placed(seed, grid)
        if new is None or (seed.corner is not None and grid.position(seed.corner, new.position.axis) is None):
            self._display.showMessage(_("The click lies outside the volume: click on the image."), True)
            return
        seeds = self.seeds()
        if seed.kind in ONE_OF_A_SLICE:
            same = [each.seed for each in bySlice(seeds, grid).get(new.slice, [])]
            replaced = [each for each in same if each.kind in ONE_OF_A_SLICE]
            writeSeeds(segment, [*(each for each in seeds if each not in replaced), seed])
            self._ask(new.slice, grid, alone=None if same else new)
        else:
            writeSeeds(segment, [*seeds, seed])
            self._ask(new.slice, grid, alone=new)
        self._onChanged()

    def _change(self, seeds: list[Seed], changed: Seed) -> None:
        writeSeeds(self._editor.selected, seeds)
        self._results.previews.pop(self._editor.selectedId, None)
        self._askAgain(changed)
        self._onChanged()

    def _askAgain(self, seed: Seed) -> None:
        """Ask for the slice of a seed anew."""
        grid = self._editor.grid()
        here = None if grid is None else placed(seed, grid)
        if grid is not None and here is not None:
            self._ask(here.slice, grid)

    def _ask(
        self,
        where: SliceKey,
        grid: SegmentationGrid,
        alone: PlacedSeed | None = None,
        fieldOfView: float | None = None,
    ) -> None:
        """Ask for a slice's mask.

        Args:
            alone: said in addition to what was said before; None to say all of the slice's seeds anew.
            fieldOfView: side in millimetres of what the network looks at; None for the object's.
        """
        if not self._requests.connect():
            return
        if self.openVolume(grid) and fieldOfView is None:
            return  # this seed was sent with all others
        seeds = bySlice(self.seeds(), grid).get(where, []) if alone is None else [alone]
        segmentId = self._editor.selectedId
        prompt = promptOf(seeds, where, grid, segmentId)
        self._requests.prompt(segmentId, where[0], prompt, replace=alone is None, fieldOfView=fieldOfView)


def _innermost(mask: np.ndarray) -> tuple[int, int]:
    """Row and column of the pixel of a mask that is nearest to its centroid."""
    positions = np.argwhere(mask)
    row, column = positions[((positions - positions.mean(axis=0)) ** 2).sum(axis=1).argmin()]
    return int(row), int(column)
