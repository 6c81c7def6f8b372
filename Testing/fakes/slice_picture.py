"""Pictures of slice views: drawn by VTK and Slicer's own displayable managers, into memory."""

import slicer
import vtk
from PySide6 import QtGui
from vtk.util.numpy_support import vtk_to_numpy

MANAGERS = ("vtkMRMLSegmentationsDisplayableManager2D",)


class SlicePicture:
    """The slice, its segments and whatever effects added to the renderer."""

    def __init__(self, logic, renderer):
        self._logic, self._renderer = logic, renderer
        self._managers = None
        # Before whatever is translucent, which would be blended with black otherwise.
        self._background = self._addBackground()

    def draw(self, window) -> QtGui.QImage:
        """Return a picture as large as the slice node says."""
        if self._managers is None:
            self._managers = self._startManagers()
        node = self._logic.GetSliceNode()
        window.SetSize(*node.GetDimensions()[:2])
        self._showSlice()
        window.Render()
        return self._readBack(window)

    def close(self):
        """Let go of the node before the scene does."""
        if self._managers is not None:
            self._managers.SetMRMLDisplayableNode(None)

    def _startManagers(self):
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(self._logic.GetMRMLApplicationLogic())
        for name in MANAGERS:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        # In Slicer the segments are there first and what effects add lies over them.
        added = [each for each in self._renderer.GetViewProps() if each is not self._background]
        for each in added:
            self._renderer.RemoveViewProp(each)
        group = slicer.vtkMRMLDisplayableManagerGroup()
        group.Initialize(factory, self._renderer)
        group.SetMRMLDisplayableNode(self._logic.GetSliceNode())
        for each in added:
            self._renderer.AddViewProp(each)
        return group

    def _addBackground(self):
        mapper = vtk.vtkImageMapper()
        # The slice logic applies window and level; what comes out is 8 bit.
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        actor = vtk.vtkActor2D()
        actor.SetMapper(mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        actor.VisibilityOff()
        self._renderer.AddViewProp(actor)
        return actor

    def _showSlice(self):
        connection = self._logic.GetImageDataConnection()
        self._background.SetVisibility(connection is not None)
        if connection is not None:
            self._background.GetMapper().SetInputConnection(connection)

    @staticmethod
    def _readBack(window) -> QtGui.QImage:
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(window)
        grabber.ReadFrontBufferOff()
        grabber.Update()
        image = grabber.GetOutput()
        width, height, _ = image.GetDimensions()
        pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, 3)[::-1].copy()
        shown = QtGui.QImage(pixels.data, width, height, 3 * width, QtGui.QImage.Format.Format_RGB888)
        return shown.copy()
