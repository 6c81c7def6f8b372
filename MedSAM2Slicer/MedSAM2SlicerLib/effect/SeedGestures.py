"""Mouse and keys in a slice view, turned into what the user means.

Left click: a positive seed, with Ctrl a negative one; on a seed: remove it. Drag from a seed: move it;
from elsewhere: a box. Delete: the seed under the mouse, or else the last one.
"""

from typing import Protocol

import vtk

DRAG_PIXELS = 5


class Actions(Protocol):
    """What gestures lead to; places in world RAS, seeds by their place in the list."""

    def seedPlaces(self) -> list:
        """RAS of all seeds of the current segment."""

    def addSeed(self, pipeline, ras, positive: bool) -> None:
        """Place a seed."""

    def removeSeed(self, index: int) -> None:
        """Remove a seed."""

    def moveSeed(self, index: int, ras) -> None:
        """Move a seed."""

    def addBox(self, pipeline, corners) -> None:
        """Draw a box; four corners."""

    def showBox(self, corners) -> None:
        """The box being dragged; None for no more."""


class SeedGestures:
    """Follows one gesture at a time.

    Args:
        actions: told of finished gestures.
        confirm: asks whether the current segment can be edited; False if the click went to a dialog.
    """

    def __init__(self, actions: Actions, confirm):
        self._actions = actions
        self._confirm = confirm
        self._start: tuple[int, int] | None = None
        self._seed: int | None = None
        self._positive = True
        self._dragging = False
        self._mouse: tuple[object, tuple[int, int]] | None = None

    def process(self, interactor, event: int, pipeline) -> bool:
        """Take one event of a view; True if it is ours."""
        xy = interactor.GetEventPosition()
        self._mouse = (pipeline, xy)
        if event == vtk.vtkCommand.LeftButtonPressEvent:
            return self._press(interactor, xy, pipeline)
        if event == vtk.vtkCommand.MouseMoveEvent and self._start is not None:
            return self._move(xy, pipeline)
        if event == vtk.vtkCommand.LeftButtonReleaseEvent and self._start is not None:
            return self._release(xy, pipeline)
        return False

    def deleteSeed(self) -> None:
        """Remove the seed under the mouse, or the last one."""
        places = self._actions.seedPlaces()
        if not places:
            return
        near = None
        if self._mouse is not None:
            pipeline, xy = self._mouse
            near = pipeline.seedNear(xy, places)
        self._actions.removeSeed(len(places) - 1 if near is None else near)

    def abort(self) -> None:
        """Forget the gesture that was begun."""
        self._start, self._seed, self._dragging = None, None, False
        self._actions.showBox(None)

    def _press(self, interactor, xy, pipeline) -> bool:
        if interactor.GetShiftKey() or interactor.GetAltKey():
            return False  # Slicer's own gestures
        if not self._confirm():
            return True
        self._start, self._dragging = xy, False
        self._positive = not interactor.GetControlKey()
        self._seed = pipeline.seedNear(xy, self._actions.seedPlaces())
        return True

    def _move(self, xy, pipeline) -> bool:
        steps = abs(xy[0] - self._start[0]), abs(xy[1] - self._start[1])
        far = max(steps) >= DRAG_PIXELS * pipeline.pixelRatio
        self._dragging = self._dragging or far
        if self._dragging and self._seed is None:
            self._actions.showBox(self._corners(xy, pipeline))
        return True

    def _release(self, xy, pipeline) -> bool:
        start, seed, dragged = self._start, self._seed, self._dragging
        corners = self._corners(xy, pipeline)
        self.abort()
        if seed is not None and dragged:
            self._actions.moveSeed(seed, pipeline.ras(xy))
        elif seed is not None:
            self._actions.removeSeed(seed)
        elif dragged:
            self._actions.addBox(pipeline, corners)
        else:
            self._actions.addSeed(pipeline, pipeline.ras(start), self._positive)
        return True

    def _corners(self, xy, pipeline) -> list:
        (x0, y0), (x1, y1) = self._start, xy
        return [pipeline.ras(corner) for corner in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
