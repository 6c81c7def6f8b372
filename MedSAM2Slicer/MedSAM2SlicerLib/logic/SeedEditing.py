"""Seeds of the selected segment: placed, moved, removed; each change asks for the slice's mask."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from slicer.i18n import tr as _

from .BackendRequests import BackendRequests
from .Display import Display
from .DrawnSeeds import boxSeed, leavesItsSlice, lineSeed, refusal
from .EditorState import EditorState
from .PaintedSlices import MOST, finishedSeeds, paintedSeed
from .Seeds import (
    BOX,
    LASSO_NEGATIVE,
    LASSO_POSITIVE,
    PAINTED,
    POINT_NEGATIVE,
    POINT_POSITIVE,
    STROKE_NEGATIVE,
    STROKE_POSITIVE,
    PlacedSeed,
    Ras,
    Seed,
    SliceKey,
    bySlice,
    placed,
    promptOf,
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
        save: called before seeds are added, moved or removed, so that undo brings them back.
        onChanged: called after that.
    """

    def __init__(
        self,
        editor: EditorState,
        requests: BackendRequests,
        results: SliceResults,
        display: Display,
        save: Callable[[], None],
        onChanged: Callable[[], None],
    ):
        self._editor = editor
        self._requests = requests
        self._results = results
        self._display = display
        self._save = save
        self._onChanged = onChanged

    def seeds(self) -> list[Seed]:
        """Seeds of the selected segment, at the time point shown."""
        return self._editor.seeds(self._editor.selectedId)

    def _keep(self, seeds: list[Seed]) -> None:
        writeSeeds(self._editor.selected, seeds, self._editor.time)

    @property
    def target(self) -> tuple:
        """Another one where the same gesture would change something else: segment, volume, grid or seeds."""
        return (*self._editor.target, self.seeds())

    def addPoint(self, ras: Ras, normal: Ras, positive: bool) -> None:
        """Place a seed on, or off, the object."""
        self._add(Seed(POINT_POSITIVE if positive else POINT_NEGATIVE, ras, normal))

    def addBox(self, corners: np.ndarray, normal: Ras) -> None:
        """Draw a box (4, 3), in place of an earlier one on the slice."""
        grid = self._gridFor(corners, normal)
        if grid is not None:
            self._add(boxSeed(corners, normal, grid))

    def addStroke(self, drawn: np.ndarray, normal: Ras, positive: bool) -> None:
        """Draw a line (n, 3) along the object, or along what is not the object."""
        self._addLine(STROKE_POSITIVE if positive else STROKE_NEGATIVE, drawn, normal)

    def addLasso(self, drawn: np.ndarray, normal: Ras, positive: bool) -> None:
        """Draw a line (n, 3) round the object, or round what is not the object."""
        self._addLine(LASSO_POSITIVE if positive else LASSO_NEGATIVE, drawn, normal)

    def addPainted(self, ras: Ras, normal: Ras) -> None:
        """The segment's own content becomes the prompt, on the slice that a view with that middle shows."""
        grid = self._editor.grid()
        if grid is None:
            return
        position = grid.onSlice(ras, grid.axisOf(normal))
        if position is None:
            self._display.showMessage(_("The view shows no slice of the volume: scroll to one."), True)
            return
        mask = grid.content(self._editor.selectedId).mask(position.axis, position.sliceIndex)
        if mask.is_empty:
            text = _("The segment has nothing on this slice: paint the object there first.")
            self._display.showMessage(text, True)
            return
        self._add(paintedSeed(mask, position.axis, position.sliceIndex, grid, normal).seed)

    def addFinished(self, normal: Ras) -> None:
        """The slices along the axis of a view that are finished become prompts, all at once.

        Finished is what was painted or imported; what was propagated is, once the user has accepted it.
        """
        segment, grid = self._editor.selected, self._editor.grid()
        if segment is None or grid is None:
            return
        axis, segmentId = grid.axisOf(normal), self._editor.selectedId
        waiting = self._results.confidence(segmentId, axis).waiting
        found = finishedSeeds(grid.content(segmentId), grid, axis, normal, waiting)
        if not 0 < len(found) <= MOST:
            self._display.showMessage(_noneOrTooMany(len(found)), True)
            return
        self._save()
        slices = {each.slice for each, _prompt in found}
        kept = [each for each in self.seeds() if not _isReplaced(each, slices, grid)]
        time = self._editor.time
        self._keep([*kept, *(replace(each.seed, time=time) for each, _prompt in found)])
        if self._requests.connect() and not self.openVolume(grid):
            self._requests.tell(segmentId, axis, [prompt for _each, prompt in found])
        self._onChanged()
        text = _("{count} slices became prompts: Propagate fills those between and beyond.")
        self._display.showMessage(text.format(count=len(found)))

    def remove(self, index: int) -> None:
        """Remove a seed and ask for its slice again without it."""
        seeds = self.seeds()
        seed = seeds.pop(index)
        self._change(seeds, seed)

    def move(self, index: int, ras: Ras) -> None:
        """Move a seed and ask for its slice again; what it says must begin on the volume still."""
        seeds, grid = self.seeds(), self._editor.grid()
        old, seeds[index] = seeds[index], seeds[index].movedTo(ras)
        if grid is not None and placed(seeds[index], grid) is None:
            self._display.showMessage(refusal(seeds[index], seeds, grid), True)
            return
        self._change(seeds, old)
        self._askAgain(seeds[index])

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
            seeds = self._editor.seeds(segmentId)
            for where, there in bySlice(seeds, grid).items():
                prompt = promptOf(there, where, grid, segmentId)
                if prompt.mask is None or there[-1].seed is seeds[-1]:
                    self._requests.prompt(segmentId, where[0], prompt, replace=False)
                else:  # of what is painted there is nothing more to see
                    self._requests.tell(segmentId, where[0], [prompt])
        return True

    def _addLine(self, kind: str, drawn: np.ndarray, normal: Ras) -> None:
        grid = self._gridFor(drawn, normal)
        if grid is not None:
            self._add(lineSeed(kind, drawn, normal, grid))

    def _gridFor(self, drawn: np.ndarray, normal: Ras) -> SegmentationGrid | None:
        """The grid; None, with a sentence for the user, where what was drawn lies on no slice of it."""
        grid = self._editor.grid()
        if grid is not None and leavesItsSlice(drawn, normal, grid):
            text = _(
                "This view is turned against the volume's slices, and what you drew leaves its slice: draw "
                "it smaller, or rotate the view to the volume plane."
            )
            self._display.showMessage(text, True)
            return None
        return grid

    def _add(self, seed: Seed) -> None:
        seed, grid = replace(seed, time=self._editor.time), self._editor.grid()
        if self._editor.selected is None:
            self._display.showMessage(_("Add a segment first (green plus above)."), True)
            return
        if grid is None:
            return
        seeds, new = self.seeds(), placed(seed, grid)
        problem = refusal(seed, seeds, grid)
        if new is None or problem:
            self._display.showMessage(problem, True)
            return
        self._save()
        if seed.kind in ONE_OF_A_SLICE:
            same = [each.seed for each in bySlice(seeds, grid).get(new.slice, [])]
            replaced = [each for each in same if each.kind in ONE_OF_A_SLICE]
            self._keep([*(each for each in seeds if each not in replaced), seed])
            self._ask(new.slice, grid, alone=None if same else new)
        else:
            self._keep([*seeds, seed])
            self._ask(new.slice, grid, alone=new)
        self._onChanged()

    def _change(self, seeds: list[Seed], changed: Seed) -> None:
        self._save()
        self._keep(seeds)
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
        segmentId = self._editor.selectedId
        if self._requests.held.holds(segmentId, where):
            alone = None
        seeds = bySlice(self.seeds(), grid).get(where, []) if alone is None else [alone]
        prompt = promptOf(seeds, where, grid, segmentId)
        self._requests.prompt(segmentId, where[0], prompt, replace=alone is None, fieldOfView=fieldOfView)


def _isReplaced(seed: Seed, slices: set[SliceKey], grid: SegmentationGrid) -> bool:
    """Whether another seed that says all of its slice takes a seed's place."""
    here = placed(seed, grid) if seed.kind in ONE_OF_A_SLICE else None
    return here is not None and here.slice in slices


def _noneOrTooMany(count: int) -> str:
    if count:
        text = _(
            "More than {most} slices are finished: use single ones of them, or a view with fewer slices."
        )
        return text.format(most=MOST)
    return _("No slice is finished: paint or import some, or accept slices that were propagated (A).")
