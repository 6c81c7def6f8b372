"""The slice views while the effect is active: draws in them, and knows which slice the user looks at."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import slicer

from medsam2.placed_mask import PlacedMask

from ..logic.Seeds import BOX, Ras, Seed, SliceKey
from ..logic.SegmentationGrid import SegmentationGrid, SlicePosition
from ..SlicerTypes import ScriptedEffect, SliceWidget
from .Pen import Rgb
from .SliceViewPipeline import WHITE, SliceViewPipeline

if TYPE_CHECKING:
    from medsam2.protocol import Mask

    from ..logic.EffectLogic import EffectLogic


class EffectViews:
    """Pipelines of all slice views.

    Args:
        logic: says what there is to draw.
    """

    def __init__(self, scriptedEffect: ScriptedEffect, logic: "EffectLogic"):
        self._effect = scriptedEffect
        self._logic = logic
        self._pipelines: dict[SliceWidget, SliceViewPipeline] = {}
        self._latest: SliceViewPipeline | None = None

    def pipeline(self, viewWidget: SliceWidget) -> SliceViewPipeline:
        """The pipeline of a view."""
        if viewWidget not in self._pipelines:
            self._pipelines[viewWidget] = SliceViewPipeline(viewWidget, self._effect)
        return self._pipelines[viewWidget]

    def use(self, pipeline: SliceViewPipeline) -> bool:
        """The user works in a view now; False if that is so already."""
        before, self._latest = self._latest, pipeline
        return pipeline is not before

    def close(self) -> None:
        """Take everything out of all views."""
        for pipeline in self._pipelines.values():
            pipeline.remove()
        self._pipelines, self._latest = {}, None

    @property
    def latest(self) -> SliceViewPipeline | None:
        """The view that the user worked in last, else the first one; one that is shown, if any is."""
        if self._latest is None or not self._latest.viewWidget.visible:
            pipelines = list(self._pipelines.values())
            shown = (each for each in pipelines if each.viewWidget.visible)
            self._latest = next(shown, self._latest or next(iter(pipelines), None))
        return self._latest

    def open(self) -> None:
        """Make the pipelines of all views; the layout need not show each of them."""
        manager = slicer.app.layoutManager()
        names = [] if manager is None else manager.sliceViewNames()
        for name in names:
            self.pipeline(manager.sliceWidget(name))

    def redraw(self) -> None:
        """Draw all views anew."""
        for pipeline in self._pipelines.values():
            self.update(pipeline)
            pipeline.render()

    def recolor(self) -> None:
        """Draw anew the views whose colour is not the segment's."""
        for pipeline in self._pipelines.values():
            if pipeline.color != self._color():
                self.update(pipeline)
                pipeline.render()

    def _color(self) -> Rgb:
        segment = self._logic.editor.selected
        return WHITE if segment is None else segment.GetColor()

    def update(self, pipeline: SliceViewPipeline) -> None:
        """Make one view's drawing anew, to be shown with the view's next picture."""
        seeds = self._logic.seeding.seeds()
        boxes = [self._boxCorners(seed) for seed in seeds if seed.kind == BOX]
        outline, frame = self._preview()
        pipeline.show(
            self._color(),
            [(seed.ras, seed.kind) for seed in seeds if seed.kind != BOX],
            [corners for corners in boxes if corners is not None],
            [(seed.trace, seed.isPositive) for seed in seeds if seed.isLine],
            outline,
            frame,
            self._logic.awaitsPreview,
        )

    def currentSlice(self) -> SliceKey | None:
        """Axis and slice that the user looks at; None outside the volume."""
        pipeline, grid = self.latest, self._logic.editor.grid()
        position = None if pipeline is None or grid is None else _middle(pipeline, grid)
        return None if position is None else (position.axis, position.sliceIndex)

    def goTo(self, sliceIndex: int) -> None:
        """Show a slice along the axis of the view that the user works in; the centre stays."""
        pipeline, grid = self.latest, self._logic.editor.grid()
        position = None if pipeline is None or grid is None else _middle(pipeline, grid)
        if pipeline is not None and grid is not None and position is not None:
            pipeline.sliceNode.JumpSliceByOffsetting(*grid.ras(replace(position, sliceIndex=sliceIndex)))

    def _preview(self) -> tuple[np.ndarray, list[Ras]] | tuple[None, None]:
        """Outline (n, 2, 3) and frame (4 corners) of the preview in RAS; None for none."""
        mask, grid = self._logic.preview(), self._logic.editor.grid()
        if mask is None or grid is None:
            return None, None
        segments = _outline(mask.mask)
        seen = mask.field_of_view
        top, left = seen.row - 0.5, seen.column - 0.5
        corners = [(top, left), (top, left + seen.columns), (top + seen.rows, left + seen.columns)]
        corners.append((top + seen.rows, left))
        frame = [grid.ras(SlicePosition(mask.axis, mask.slice_index, *corner)) for corner in corners]
        return _toRas(grid, mask, segments), frame

    def _boxCorners(self, seed: Seed) -> list[Ras] | None:
        """Four corners in RAS of a box, its sides along rows and columns of its slice."""
        grid = self._logic.editor.grid()
        if grid is None or seed.corner is None:
            return None
        axis = grid.axisOf(seed.normal)
        first, last = grid.position(seed.ras, axis), grid.position(seed.corner, axis)
        if first is None or last is None:
            return None
        corners = [(first.row, first.column), (first.row, last.column), (last.row, last.column)]
        corners.append((last.row, first.column))
        return [grid.ras(SlicePosition(axis, first.sliceIndex, *corner)) for corner in corners]


def _middle(pipeline: SliceViewPipeline, grid: SegmentationGrid) -> SlicePosition | None:
    """Of a view; None where it shows no slice."""
    return grid.onSlice(pipeline.middle, grid.axisOf(pipeline.normal))


def _toRas(grid: SegmentationGrid, mask: "Mask", segments: np.ndarray) -> np.ndarray:
    """Ends (n, 2, 2) as (row, column) on a mask's slice to RAS, (n, 2, 3)."""
    corner, alongRow, alongColumn = (
        np.array(grid.ras(SlicePosition(mask.axis, mask.slice_index, row, column)))
        for row, column in ((0, 0), (0, 1), (1, 0))
    )
    rows, columns = segments[..., :1], segments[..., 1:]
    return corner + rows * (alongColumn - corner) + columns * (alongRow - corner)


def _outline(mask: PlacedMask) -> np.ndarray:
    """The outline of a mask: where a voxel of the object borders on one that is not.

    Returns:
        (n, 2, 2): for each segment its two ends as (row, column), voxel centres at whole numbers.
    """
    padded = np.pad(mask.voxels, 1)
    below = np.argwhere(padded[:-1] != padded[1:])  # between a row and the next
    beside = np.argwhere(padded[:, :-1] != padded[:, 1:])
    across = below[:, None] + [[0.5, -0.5], [0.5, 0.5]]
    along = beside[:, None] + [[-0.5, 0.5], [0.5, 0.5]]
    return np.concatenate([across, along]) + np.array([mask.row - 1, mask.column - 1])
