"""Mouse and keys in a slice view, turned into what the user means.

Left click: a positive seed, with Ctrl a negative one; on a seed or line: remove it. Drag: what the chosen
tool draws; with the tool for clicks a box, or from a seed or line: move it. Delete: the seed or line under
the mouse, or else the last one. Right click and Esc: forget what was begun.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import vtk

from ..logic.SeedEditing import SeedEditing
from ..logic.Seeds import Ras
from ..SlicerTypes import Interactor
from .Pen import Xy, rectangle
from .SliceViewPipeline import SliceViewPipeline
from .ToolRow import CLICK, LASSO, STROKE

DRAG_PIXELS = 5
LEFT_RELEASE = vtk.vtkCommand.LeftButtonReleaseEvent
RIGHT_RELEASE = vtk.vtkCommand.RightButtonReleaseEvent
RELEASES = {
    vtk.vtkCommand.LeftButtonPressEvent: LEFT_RELEASE,
    vtk.vtkCommand.RightButtonPressEvent: RIGHT_RELEASE,
}


@dataclass
class Gesture:
    """What the left button was pressed for.

    Attributes:
        pipeline: of the view.
        geometry, target: what the view showed, and what there was to change; other ones end the gesture.
        tool: of ``TOOLS``.
        positive: whether it shows what is the object.
        seed: which seed or line was under the mouse; None for none.
        way: of the mouse so far.
        isDrag: whether the mouse went so far that this is no click.
    """

    pipeline: SliceViewPipeline
    geometry: bytes
    target: tuple
    tool: str
    positive: bool
    seed: int | None
    way: list[Xy]
    isDrag: bool = False

    @property
    def moves(self) -> bool:
        """Whether it moves a seed or line."""
        return self.tool == CLICK and self.seed is not None

    @property
    def isLine(self) -> bool:
        """Whether it draws a stroke or a lasso."""
        return self.tool in (STROKE, LASSO)

    def follow(self, xy: Xy) -> None:
        """The mouse went there."""
        if xy != self.way[-1]:
            self.way.append(xy)
        steps = (abs(now - then) for now, then in zip(xy, self.way[0], strict=True))
        self.isDrag = self.isDrag or max(steps) >= DRAG_PIXELS * self.pipeline.pixelRatio

    def show(self) -> None:
        """Draw what is being dragged; a seed that is moved is not shown on its way."""
        if not self.isDrag or self.moves:
            return
        if self.isLine:
            self.pipeline.drawLine(self.way, self.positive)
        else:
            self.pipeline.drawBox(self.way[0], self.way[-1])


class SeedGestures:
    """Follows one gesture at a time.

    Args:
        seeding: told of finished gestures.
        confirm: asks whether the current segment can be edited; False if the click went to a dialog.
        chosenTool: says what a drag draws now, of ``TOOLS``.
    """

    def __init__(self, seeding: SeedEditing, confirm: Callable[[], bool], chosenTool: Callable[[], str]):
        self._seeding = seeding
        self._confirm = confirm
        self._chosenTool = chosenTool
        self._gesture: Gesture | None = None
        self._awaited: set[int] = set()  # releases of buttons whose press Slicer never saw
        self._mouse: tuple[SliceViewPipeline, Xy] | None = None

    def process(self, interactor: Interactor, event: int, pipeline: SliceViewPipeline) -> bool:
        """Take one event of a view; True if it is ours."""
        xy = interactor.GetEventPosition()
        self._mouse = (pipeline, xy)
        self.abortIfOutdated()
        gesture = self._gesture
        if gesture is not None and gesture.pipeline is not pipeline:
            gesture = None  # another view's
        if event in RELEASES:
            isOurs = self._press(interactor, event, xy, pipeline)
            self._awaited.discard(RELEASES[event])  # of an earlier press
            if isOurs:
                self._awaited.add(RELEASES[event])
            return isOurs
        if event in self._awaited:
            self._awaited.discard(event)
            if event == LEFT_RELEASE and gesture is not None:
                gesture.follow(xy)
                self._end(gesture)
            return True
        if gesture is None:
            return False
        if event == vtk.vtkCommand.KeyPressEvent and interactor.GetKeySym() == "Escape":
            self.abort()
            return True
        if event == vtk.vtkCommand.MouseMoveEvent:
            gesture.follow(xy)
            gesture.show()
            return True
        return False

    @property
    def hasBegun(self) -> bool:
        """Whether a gesture was begun and has not ended."""
        return self._gesture is not None

    def deleteSeed(self) -> None:
        """Remove the seed or line under the mouse, or the last one."""
        traces = self._traces()
        if not traces:
            return
        near = None
        if self._mouse is not None:
            pipeline, xy = self._mouse
            near = pipeline.near(xy, traces)
        self._seeding.remove(len(traces) - 1 if near is None else near)

    def abort(self) -> None:
        """Forget the gesture that was begun."""
        gesture, self._gesture = self._gesture, None
        if gesture is not None and gesture.isDrag:
            gesture.pipeline.liftPen()

    def abortIfOutdated(self) -> None:
        """Forget the gesture that was begun where it would come to something else by now."""
        gesture = self._gesture
        if gesture is None:
            return
        if gesture.geometry != gesture.pipeline.geometry or gesture.target != self._seeding.target:
            self.abort()

    def _press(self, interactor: Interactor, event: int, xy: Xy, pipeline: SliceViewPipeline) -> bool:
        wasBegun = self._gesture is not None
        self.abort()
        if event == vtk.vtkCommand.RightButtonPressEvent:
            return wasBegun
        if interactor.GetShiftKey() or interactor.GetAltKey():
            return False  # Slicer's own gestures
        if self._confirm():
            self._gesture = Gesture(
                pipeline,
                pipeline.geometry,
                self._seeding.target,
                self._chosenTool(),
                not interactor.GetControlKey(),
                pipeline.near(xy, self._traces()),
                [xy],
            )
        return True

    def _end(self, gesture: Gesture) -> None:
        """The button was released."""
        self.abort()
        pipeline, seeding = gesture.pipeline, self._seeding
        begin, end, normal = pipeline.ras(gesture.way[0]), pipeline.ras(gesture.way[-1]), pipeline.normal
        if not gesture.isDrag:
            if gesture.seed is None:
                seeding.addPoint(begin, normal, gesture.positive)
            else:
                seeding.remove(gesture.seed)
        elif gesture.moves and gesture.seed is not None:
            right, anterior, superior = np.subtract(end, begin) + seeding.seeds()[gesture.seed].ras
            seeding.move(gesture.seed, (right, anterior, superior))
        elif gesture.isLine:
            add = seeding.addStroke if gesture.tool == STROKE else seeding.addLasso
            add(pipeline.allRas(gesture.way), normal, gesture.positive)
        else:
            seeding.addBox(pipeline.allRas(rectangle(gesture.way[0], gesture.way[-1])), normal)

    def _traces(self) -> list[tuple[Ras, ...]]:
        return [seed.trace for seed in self._seeding.seeds()]
