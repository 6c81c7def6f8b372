"""Seeds of the selected segment: placed, moved, removed; each change asks for the slice's mask."""

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
        display: told what changed and what is wrong.
    """

    def __init__(self, segments, current, sender, results, display):
        self._segments = segments
        self._current = current
        self._sender = sender
        self._results = results
        self._display = display

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
        """The segment's own content on a slice becomes the prompt."""
        self._add(Seed(PAINTED, tuple(ras), tuple(normal)))

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
            self._display.redraw()

    def resizeView(self, larger: bool) -> None:
        """Show the network more, or less, round the object, and ask for the slice again."""
        preview, grid = self._results.previews.get(self._segments.selectedId), self._current.get()
        if preview is None or grid is None:
            self._display.showMessage("Click the object first; then its field of view can be changed.")
            return
        # Rows follow each other along the first array axis that is not the slices' own.
        rowAxis = 1 if preview.axis == "k" else 0
        side = preview.view.rows * grid.spacing[rowAxis] * (LARGER if larger else SMALLER)
        here = self._onSlice((preview.axis, preview.slice_index))
        if here:
            self._sender.prompt(here[-1], replace=True, view=side)

    def _add(self, seed: Seed) -> None:
        segment, grid = self._segments.selected, self._current.get()
        if segment is None:
            self._display.showMessage("Add a segment first (green plus above).", True)
        elif grid is not None and self._isInside(seed, grid):
            same = self._onSlice(self._current.prompts.sliceOf(seed))
            replaces = seed.kind in ONE_OF_A_SLICE
            replaced = [each for each in same if replaces and each.kind in ONE_OF_A_SLICE]
            writeSeeds(segment, [*(each for each in self.seeds() if each not in replaced), seed])
            self._sender.prompt(seed, replace=bool(same) and replaces)
            self._display.redraw()

    def _isInside(self, seed: Seed, grid) -> bool:
        axis = grid.axisOf(seed.normal)
        inside = all(grid.place(ras, axis) is not None for ras in (seed.ras, seed.corner) if ras is not None)
        if not inside:
            self._display.showMessage("The click lies outside the volume: click on the image.", True)
        return inside

    def _onSlice(self, where: tuple[str, int]) -> list[Seed]:
        return [seed for seed in self.seeds() if self._current.prompts.sliceOf(seed) == where]

    def _change(self, seeds: list[Seed], changed: Seed) -> None:
        writeSeeds(self._segments.selected, seeds)
        self._results.previews.pop(self._segments.selectedId, None)
        self._sender.prompt(changed, replace=True)
        self._display.redraw()
