"""Slice views: a fake widget over a real slice node, slice logic, render window and interactor.

An effect meets ``viewWidget``; tests use the gestures in ``SliceGestures``.
"""

import vtk
from PySide6 import QtGui, QtWidgets

from .mouse_tools import MouseTools
from .slice_gestures import SliceGestures
from .slice_picture import SlicePicture

SIZE = (600, 600)


class InteractorStyle:
    """Where the editor finds the interactor."""

    def __init__(self, interactor):
        self._interactor = interactor

    def GetInteractor(self):
        return self._interactor


class qMRMLSliceView(QtWidgets.QWidget):
    """The drawing area. It renders at once, as Slicer's does while nothing else happens.

    ``renders`` counts the pictures drawn at an effect's request or Slicer's own, ``forcedRenders`` those of
    an effect that would not wait.
    """

    def __init__(self, logic, parent):
        super().__init__(parent)
        self.renders = 0
        self.forcedRenders = 0
        self.viewCursor = QtGui.QCursor()
        self._logic = logic
        self._window = None
        self._renderer = vtk.vtkRenderer()
        self._renderer.GetActiveCamera().ParallelProjectionOn()
        self._picture = SlicePicture(logic, self._renderer)
        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        # Slicer's own style would need displayable managers, for which the tools stand.
        self._interactor.SetInteractorStyle(None)
        self._tools = MouseTools(logic, self._interactor)
        # After the editor and its effect, which have a higher priority.
        event = vtk.vtkCommand.ModifiedEvent
        self._observer = logic.GetSliceNode().AddObserver(event, lambda *_: self.scheduleRender())

    def mrmlSliceNode(self):
        return self._logic.GetSliceNode()

    def renderWindow(self):
        """Made when asked for: a window takes longer than most tests."""
        if self._window is None:
            self._window = vtk.vtkRenderWindow()
            self._window.SetOffScreenRendering(1)
            self._window.AddRenderer(self._renderer)
            self._interactor.SetRenderWindow(self._window)
        return self._window

    def renderer(self):
        return self._renderer

    def interactor(self):
        return self._interactor

    def interactorStyle(self):
        return InteractorStyle(self._interactor)

    def scheduleRender(self):
        self.renders += 1

    def forceRender(self):
        self.forcedRenders += 1

    def setViewCursor(self, cursor):
        self.viewCursor = cursor

    def setDefaultViewCursor(self, cursor):
        self.viewCursor = cursor

    def picture(self) -> QtGui.QImage:
        """Draw the slice, the segments and the effects' actors, without a window."""
        return self._picture.draw(self.renderWindow())

    def finalize(self):
        """Free the window, and what Python and VTK would keep for each other: pictures and volumes."""
        self._picture.close()
        self._logic.GetSliceNode().RemoveObserver(self._observer)
        if self._window is not None:
            self._window.Finalize()


class qMRMLSliceWidget(SliceGestures, QtWidgets.QWidget):
    """A slice view with its controller bar left out."""

    def __init__(self, logic):
        super().__init__()
        self._logic = logic
        self._pixelRatio = 1
        logic.GetSliceNode().SetDimensions(*SIZE, 1)
        logic.ResizeSliceNode(*SIZE)
        self._view = qMRMLSliceView(logic, self)
        self._view.resize(*SIZE)
        self._isShown = True

    @property
    def visible(self) -> bool:
        """Whether the layout shows the view; it goes on living while it does not."""
        return self._isShown

    @visible.setter
    def visible(self, shown):
        self._isShown = shown

    def setPixelRatio(self, ratio: int):
        """Move to a screen with so many times as small pixels, which VTK and MRML count."""
        self._pixelRatio = ratio
        self.resizeView(self._view.width, self._view.height)

    def resizeView(self, width: int, height: int):
        """Give the view another size as Qt counts pixels; the field of view grows with it."""
        self._view.resize(width, height)
        self._logic.ResizeSliceNode(width * self._pixelRatio, height * self._pixelRatio)

    def sliceLogic(self):
        return self._logic

    def sliceView(self) -> qMRMLSliceView:
        return self._view

    def mrmlSliceNode(self):
        return self._logic.GetSliceNode()

    def mrmlSliceCompositeNode(self):
        return self._logic.GetSliceCompositeNode()
