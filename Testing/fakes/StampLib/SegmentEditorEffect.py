"""The smallest effect worth testing: a click stamps a cube of voxels, Ctrl+click takes one away.

``calls``: every notification, in order, of all instances.
"""

import numpy as np
import qt
import slicer
import vtk
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect
from vtk.util.numpy_support import vtk_to_numpy

calls = []


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    """Stamp."""

    def __init__(self, scriptedEffect):
        scriptedEffect.name = "Stamp"
        scriptedEffect.title = "Stamp cubes"
        super().__init__(scriptedEffect)
        self.clicks = []

    def clone(self):
        cloned = slicer.qSlicerSegmentEditorScriptedEffect(None)
        cloned.setPythonSource(__file__.replace("\\", "/"))
        return cloned

    def icon(self):
        return qt.QIcon()

    def helpText(self):
        return "<b>Click</b> to stamp a cube."

    def setMRMLDefaults(self):
        calls.append("setMRMLDefaults")
        self.scriptedEffect.setParameterDefault("Radius", 1)

    def setupOptionsFrame(self):
        calls.append("setupOptionsFrame")
        self.radius = qt.QSpinBox()
        self.radius.maximum = 9
        self.radius.connect("valueChanged(int)", self.updateMRMLFromGUI)
        self.scriptedEffect.addLabeledOptionsWidget("Radius:", self.radius)

    def activate(self):
        calls.append(f"activate {self.scriptedEffect.active()}")

    def deactivate(self):
        calls.append(f"deactivate {self.scriptedEffect.active()}")

    def updateGUIFromMRML(self):
        calls.append("updateGUIFromMRML")
        wasBlocked = self.radius.blockSignals(True)
        self.radius.value = self.scriptedEffect.integerParameter("Radius")
        self.radius.blockSignals(wasBlocked)

    def updateMRMLFromGUI(self):
        self.scriptedEffect.setParameter("Radius", self.radius.value)

    def referenceGeometryChanged(self):
        calls.append("referenceGeometryChanged")

    def sourceVolumeNodeChanged(self):
        calls.append("sourceVolumeNodeChanged")

    def layoutChanged(self):
        calls.append("layoutChanged")

    def interactionNodeModified(self, interactionNode):
        calls.append("interactionNodeModified")

    def processViewNodeEvents(self, callerViewNode, eventId, viewWidget):
        calls.append(f"view {callerViewNode.GetLayoutName()}")

    def cleanup(self):
        calls.append("cleanup")

    def processInteractionEvents(self, callerInteractor, eventId, viewWidget):
        if viewWidget.className() != "qMRMLSliceWidget" or callerInteractor.GetShiftKey():
            return False
        if eventId == vtk.vtkCommand.LeftButtonReleaseEvent:
            return True
        if eventId != vtk.vtkCommand.LeftButtonPressEvent:
            return False
        if self.scriptedEffect.confirmCurrentSegmentVisible() != 1:
            return True
        self.stamp(callerInteractor.GetEventPosition(), viewWidget, bool(callerInteractor.GetControlKey()))
        return True

    def stamp(self, xy, viewWidget, erase):
        image = self.scriptedEffect.defaultModifierLabelmap()
        segmentation = self.scriptedEffect.parameterSetNode().GetSegmentationNode()
        ijk = self.xyToIjk(xy, viewWidget, image, segmentation.GetParentTransformNode())
        self.clicks.append((self.xyToRas(xy, viewWidget), ijk))
        self.scriptedEffect.saveStateForUndo()
        voxels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
        radius = self.scriptedEffect.integerParameter("Radius")
        first = np.array(ijk) - image.GetExtent()[0::2]
        i, j, k = (slice(max(0, each - radius), each + radius + 1) for each in first)
        voxels[k, j, i] = 1
        kind = slicer.qSlicerSegmentEditorAbstractEffect
        mode = kind.ModificationModeRemove if erase else kind.ModificationModeAdd
        self.scriptedEffect.modifySelectedSegmentByLabelmap(image, mode)
