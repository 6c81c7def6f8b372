"""Slice views: a fake widget over a real slice node, slice logic, render window and interactor.

An effect meets ``viewWidget``; tests use the gestures in ``SliceGestures``.
"""

import vtk
from PySide6 import QtGui, QtWidgets

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
    """The drawing area. ``renderRequests`` and ``forcedRenders`` count what effects asked for."""

    def __init__(self, logic, parent):
        super().__init__(parent)
        self.renderRequests = 0
        self.forcedRenders = 0
        self.viewCursor = QtGui.QCursor()
        self._logic = logic
        self._window = None
        self._renderer = vtk.vtkRenderer()
        self._renderer.GetActiveCamera().ParallelProjectionOn()
        self._picture = SlicePicture(logic, self._renderer)
        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        # Slicer's own style would need displayable managers; what effects leave alone has no effect here.
        self._interactor.SetInteractorStyle(None)

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
        self.renderRequests += 1

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
        """Free the window."""
        self._picture.close()
        if self._window is not None:
            self._window.Finalize()


class qMRMLSliceWidget(SliceGestures, QtWidgets.QWidget):
    """A slice view with its controller bar left out."""

    def __init__(self, logic):
        super().__init__()
        self._logic = logic
        logic.GetSliceNode().SetDimensions(*SIZE, 1)
        logic.ResizeSliceNode(*SIZE)
        self._view = qMRMLSliceView(logic, self)

    def sliceLogic(self):
        return self._logic

    def sliceView(self) -> qMRMLSliceView:
        return self._view

    def mrmlSliceNode(self):
        return self._logic.GetSliceNode()

    def mrmlSliceCompositeNode(self):
        return self._logic.GetSliceCompositeNode()
