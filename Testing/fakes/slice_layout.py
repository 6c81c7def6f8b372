"""``slicer.app.layoutManager()``: three slice views over real slice nodes, no 3D view."""

import slicer
import vtk
from PySide6 import QtCore

from .slice_view import qMRMLSliceWidget

ORIENTATIONS = {"Red": "Axial", "Yellow": "Sagittal", "Green": "Coronal"}
ONE_UP = {
    slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView: "Red",
    slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpYellowSliceView: "Yellow",
    slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpGreenSliceView: "Green",
}


class SliceLayout(QtCore.QObject):
    """The views by name and the slice logics that Slicer's application logic knows them by."""

    layoutChanged = QtCore.Signal(int)

    def __init__(self, scene, applicationLogic):
        super().__init__()
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
        applicationLogic.SetSliceLogics(vtk.vtkCollection())
        self._logics = applicationLogic.GetSliceLogics()
        self._widgets = {}
        for name, orientation in ORIENTATIONS.items():
            logic = slicer.vtkMRMLSliceLogic()
            logic.SetMRMLApplicationLogic(applicationLogic)
            logic.SetMRMLScene(scene)
            self._logics.AddItem(logic)
            logic.AddSliceNode(name).SetOrientation(orientation)
            self._widgets[name] = qMRMLSliceWidget(logic)

    def setLayout(self, layout: int):
        """Show one view, or all of them in a layout of several; the hidden ones stay alive."""
        for name, widget in self._widgets.items():
            widget.visible = ONE_UP.get(layout, name) == name
        self.layoutChanged.emit(layout)

    def sliceViewNames(self) -> tuple[str, ...]:
        """Of all views that were ever shown, hidden ones among them."""
        return tuple(self._widgets)

    def sliceWidget(self, name: str) -> qMRMLSliceWidget | None:
        return self._widgets.get(name)

    def mrmlSliceLogics(self):
        return self._logics

    @property
    def threeDViewCount(self) -> int:
        return 0

    def show(self, volumeNode):
        """Put a volume in the background of every view, turn the views to it and let it fill them."""
        for widget in self._widgets.values():
            composite = widget.mrmlSliceCompositeNode()
            composite.SetBackgroundVolumeID(volumeNode.GetID() if volumeNode else None)
            if volumeNode:
                widget.sliceLogic().FitSliceToBackground()

    def close(self):
        """Free the windows; the scene goes first otherwise, and the logics complain."""
        for widget in self._widgets.values():
            widget.sliceView().finalize()
            widget.deleteLater()
        self._logics.RemoveAllItems()
        self._widgets.clear()
