"""Where the next click may come: the mouse rests there, or its button was just pressed.

A first click on a slice makes the network look at several squares round it. What is looked at while the user
still aims, or has not let go of the button, need not be waited for afterwards.
"""

from collections.abc import Callable

import qt
import vtk

from ..logic.Seeds import Ras
from ..SlicerTypes import Interactor
from .SliceViewPipeline import SliceViewPipeline, Xy

REST_MILLISECONDS = 80
WATCHED = (
    vtk.vtkCommand.MouseMoveEvent,
    vtk.vtkCommand.LeftButtonPressEvent,
    vtk.vtkCommand.LeaveEvent,
)


class Pointing:
    """Watches the mouse in slice views.

    Args:
        pointAt: told a position and the view's normal, both in world RAS.
        mayClick: says whether a click may come next; else the mouse is not watched.
    """

    def __init__(self, pointAt: Callable[[Ras, Ras], None], mayClick: Callable[[], bool]):
        self._pointAt = pointAt
        self._mayClick = mayClick
        self._where: tuple[SliceViewPipeline, Xy] | None = None
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MILLISECONDS)
        self._timer.connect("timeout()", self._tell)

    def process(self, interactor: Interactor, event: int, pipeline: SliceViewPipeline) -> None:
        """Look at one event of a view."""
        if event not in WATCHED:
            return
        self._timer.stop()
        if event == vtk.vtkCommand.LeaveEvent or not self._mayClick():
            return
        self._where = pipeline, interactor.GetEventPosition()
        if event == vtk.vtkCommand.MouseMoveEvent:
            self._timer.start()
        else:
            self._tell()

    def close(self) -> None:
        """Wait for no rest any more; a connection would keep all that it leads to."""
        self._timer.stop()
        self._timer.disconnect("timeout()", self._tell)

    def _tell(self) -> None:
        if self._where is not None:
            pipeline, xy = self._where
            self._pointAt(pipeline.ras(xy), pipeline.normal)
