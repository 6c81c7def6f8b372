"""Mouse and keys in a slice view, turned into what the user means.

Left click: a positive seed, with Ctrl a negative one; on a seed: remove it. Drag from a seed: move it;
from elsewhere: a box. Delete: the seed under the mouse, or else the last one.
"""

from collections.abc import Callable

import vtk

from ..logic.SeedEditing import SeedEditing
from ..logic.Seeds import Ras
from ..SlicerTypes import Interactor
from .SliceViewPipeline import SliceViewPipeline, Xy

DRAG_PIXELS = 5


class SeedGestures:
    """Follows one gesture at a time.

    Args:
        seeding: told of finished gestures.
        confirm: asks whether the current segment can be edited; False if the click went to a dialog.
        showBox: told the four corners (RAS) of the box being dragged; None for no more.
    """

    def __init__(
        self, seeding: SeedEditing, confirm: Callable[[], bool], showBox: Callable[[list[Ras] | None], None]
    ):
        self._seeding = seeding
        self._confirm = confirm
        self._showBox = showBox
        self._start: Xy | None = None
        self._seed: int | None = None
        self._positive = True
        self._dragging = False
        self._mouse: tuple[SliceViewPipeline, Xy] | None = None

    def process(self, interactor: Interactor, event: int, pipeline: SliceViewPipeline) -> bool:
        """Take one event of a view; True if it is ours."""
        xy = interactor.GetEventPosition()
        self._mouse = (pipeline, xy)
        if event == vtk.vtkCommand.LeftButtonPressEvent:
            return self._press(interactor, xy, pipeline)
        if event == vtk.vtkCommand.MouseMoveEvent and self._start is not None:
            return self._move(self._start, xy, pipeline)
        if event == vtk.vtkCommand.LeftButtonReleaseEvent and self._start is not None:
            return self._release(self._start, xy, pipeline)
        return False

    def deleteSeed(self) -> None:
        """Remove the seed under the mouse, or the last one."""
        positions = self._positions()
        if not positions:
            return
        near = None
        if self._mouse is not None:
            pipeline, xy = self._mouse
            near = pipeline.seedNear(xy, positions)
        self._seeding.remove(len(positions) - 1 if near is None else near)

    def abort(self) -> None:
        """Forget the gesture that was begun."""
        self._start, self._seed, self._dragging = None, None, False
        self._showBox(None)

    def _press(self, interactor: Interactor, xy: Xy, pipeline: SliceViewPipeline) -> bool:
        if interactor.GetShiftKey() or interactor.GetAltKey():
            return False  # Slicer's own gestures
        if not self._confirm():
            return True
        self._start, self._dragging = xy, False
        self._positive = not interactor.GetControlKey()
        self._seed = pipeline.seedNear(xy, self._positions())
        return True

    def _move(self, start: Xy, xy: Xy, pipeline: SliceViewPipeline) -> bool:
        steps = abs(xy[0] - start[0]), abs(xy[1] - start[1])
        far = max(steps) >= DRAG_PIXELS * pipeline.pixelRatio
        self._dragging = self._dragging or far
        if self._dragging and self._seed is None:
            self._showBox(_corners(start, xy, pipeline))
        return True

    def _release(self, start: Xy, xy: Xy, pipeline: SliceViewPipeline) -> bool:
        seed, dragged = self._seed, self._dragging
        corners = _corners(start, xy, pipeline)
        self.abort()
        if seed is not None and dragged:
            self._seeding.move(seed, pipeline.ras(xy))
        elif seed is not None:
            self._seeding.remove(seed)
        elif dragged:
            self._seeding.addBox(corners[0], corners[2], pipeline.normal)
        else:
            self._seeding.addPoint(pipeline.ras(start), pipeline.normal, self._positive)
        return True

    def _positions(self) -> list[Ras]:
        return [seed.ras for seed in self._seeding.seeds()]


def _corners(start: Xy, xy: Xy, pipeline: SliceViewPipeline) -> list[Ras]:
    """Of the box between two positions in a view."""
    (x0, y0), (x1, y1) = start, xy
    return [pipeline.ras(corner) for corner in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
