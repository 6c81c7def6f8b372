"""Seeds of the selected segment: placed, moved, removed; each change asks for the slice's mask."""

from dataclasses import replace

import numpy as np
from slicer.i18n import tr as _

from .Seeds import BOX, PAINTED, POINT_NEGATIVE, POINT_POSITIVE, Seed, readSeeds, writeSeeds

LARGER, SMALLER = 1.5, 1 / 1.5
ONE_OF_A_SLICE = (BOX, PAINTED)


class SeedEditing:
    """Changes seeds and tells ``sender``.

    Args:
        segments: ``EditorSegments``.
        current: ``CurrentGrid``.
        sender: ``PromptSender``.
        results: ``SliceResults``.
        display: told what is wrong.
        onChanged: called when seeds were added, moved or removed.
    """

    def __init__(self, segments, current, sender, results, display, onChanged):
        self._segments = segments
        self._current = current
        self._sender = sender
        self._results = results
        self._display = display
        self._onChanged = onChanged

    def seeds(self) -> list[Seed]:
        """Seeds of the selected segment."""
        return readSeeds(self._segments.selected)

    def addPoint(self, ras, normal, positive: bool) -> None:
        """Place a seed on, or off, the object."""
        self._add(Seed(POINT_POSITIVE if positive else POINT_NEGATIVE, tuple(ras), tuple(normal)))

    def addBox(self, ras, opposite, normal) -> None:
        """Draw a box, in place of an earlier one on the slice."""
        self._add(Seed(BOX, tuple(ras), tuple(normal), tuple(opposite)))

    def addPainted(self, ras, normal) -> None:
        """The segment's own content becomes the prompt, on the slice that a view with that middle shows."""
        grid = self._current.get()
        if grid is None:
            return
        place = grid.onSlice(ras, grid.axisOf(normal))
        if place is None:
            self._display.showMessage(_("The view shows no slice of the volume: scroll to one."), True)
            return
        mask = self._current.prompts.painted(self._segments.selectedId, place.axis, place.sliceIndex)
        if not mask.any():
            text = _("The segment has nothing on this slice: paint the object there first.")
            self._display.showMessage(text, True)
            return
        row, column = _innermost(mask)
        self._add(Seed(PAINTED, grid.ras(replace(place, row=row, column=column)), tuple(normal)))

    def remove(self, index: int) -> None:
        """Remove a seed and ask for its slice again without it."""
        seeds = self.seeds()
        seed = seeds.pop(index)
        self._change(seeds, seed)

    def move(self, index: int, ras) -> None:
        """Move a seed and ask for its slice again."""
        seeds = self.seeds()
        old, seeds[index] = seeds[index], seeds[index].movedTo(tuple(ras))
        self._change(seeds, old)
        self._sender.prompt(seeds[index], replace=True)

    def clear(self) -> None:
        """Remove all seeds; the segment's voxels stay."""
        segment = self._segments.selected
        if segment is not None:
            writeSeeds(segment, [])
            self._results.previews.pop(self._segments.selectedId, None)
            self._sender.forget(self._segments.selectedId)
            self._onChanged()

    def resizeView(self, larger: bool) -> None:
        """Show the network more, or less, round the object, and ask for the slice again."""
        grid, seeds = self._current.get(), self.seeds()
        if grid is None or not seeds:
            text = _("Click the object first; then its field of view can be changed.")
            self._display.showMessage(text)
            return
        asked = self._results.prompted.get(self._segments.selectedId)
        here = [] if asked is None else self._onSlice((asked.axis, asked.slice_index))
        if here:
            # Rows follow each other along the first array axis that is not the slices' own.
            rowAxis = 1 if asked.axis == "k" else 0
            side = asked.field_of_view.rows * grid.spacing[rowAxis] * (LARGER if larger else SMALLER)
            self._sender.prompt(here[-1], replace=True, view=side)
        else:  # as in a scene that was loaded; the answer will say which field of view there is to change
            self._sender.prompt(seeds[-1], replace=True)
        self._onChanged()

    def _add(self, seed: Seed) -> None:
        segment, grid = self._segments.selected, self._current.get()
        if segment is None:
            self._display.showMessage(_("Add a segment first (green plus above)."), True)
        elif grid is not None and self._isInside(seed, grid):
            same = self._onSlice(self._current.prompts.sliceOf(seed))
            replaces = seed.kind in ONE_OF_A_SLICE
            replaced = [each for each in same if replaces and each.kind in ONE_OF_A_SLICE]
            writeSeeds(segment, [*(each for each in self.seeds() if each not in replaced), seed])
            self._sender.prompt(seed, replace=bool(same) and replaces)
            self._onChanged()

    def _isInside(self, seed: Seed, grid) -> bool:
        axis = grid.axisOf(seed.normal)
        inside = all(grid.place(ras, axis) is not None for ras in (seed.ras, seed.corner) if ras is not None)
        if not inside:
            text = _("The click lies outside the volume: click on the image.")
            self._display.showMessage(text, True)
        return inside

    def _onSlice(self, where: tuple[str, int]) -> list[Seed]:
        return [seed for seed in self.seeds() if self._current.prompts.sliceOf(seed) == where]

    def _change(self, seeds: list[Seed], changed: Seed) -> None:
        writeSeeds(self._segments.selected, seeds)
        self._results.previews.pop(self._segments.selectedId, None)
        self._sender.prompt(changed, replace=True)
        self._onChanged()


def _innermost(mask: np.ndarray) -> tuple[int, int]:
    """Row and column of the pixel of a mask that is nearest to its centroid."""
    places = np.argwhere(mask)
    row, column = places[((places - places.mean(axis=0)) ** 2).sum(axis=1).argmin()]
    return int(row), int(column)
