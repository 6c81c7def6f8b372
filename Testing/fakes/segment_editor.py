"""qMRMLSegmentEditorWidget: clones the effects and notifies them in Slicer's order.

Written after Slicer's own widget (5.10 to 5.13) as a list of what it calls when; the reasons are there.
"""

import qt
import slicer
from PySide6 import QtCore

from .editor_helpers import EditorHelpers
from .editor_reactions import MODIFIED, EditorReactions
from .editor_shortcuts import EditorShortcuts
from .editor_views import EditorViews
from .node_observers import NodeObservers


class qMRMLSegmentEditorWidget(EditorHelpers, EditorReactions, EditorShortcuts, EditorViews, qt.QWidget):
    """The editor over the real vtkSlicerSegmentEditorLogic, with the look left out but for the options."""

    segmentationNodeChanged = QtCore.Signal(object)
    sourceVolumeNodeChanged = QtCore.Signal(object)
    currentSegmentIDChanged = QtCore.Signal(str)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._observers = NodeObservers()
        self._scene = self._node = self._segmentation = self._volume = self._interactionNode = None
        self._effects, self._activeEffect, self._lastEffect = [], None, None
        self._selectedInTable = ""
        self._viewObservations, self._viewsObserved, self._shownIn = [], False, []
        self._shortcuts = []
        self.readOnly = False
        self._build()
        self.updateEffectList()

    def _build(self):
        layout = qt.QVBoxLayout(self)
        self._help = qt.QLabel()
        self._help.setWordWrap(True)
        self._options = qt.QGroupBox()
        qt.QVBoxLayout(self._options)
        self._options.layout().addWidget(self._help)
        self._options.hide()
        layout.addWidget(self._options)

    # Effects.

    def updateEffectList(self):
        """Clone what has been registered since."""
        for effect in qSlicerSegmentEditorEffectFactory().copyEffects(self._effects):
            effect.attach(self, self._logic)
            if self._node is not None:
                self._giveParameterNode(effect)
            effect.icon()
            effect.setupOptionsFrame()
            effect.optionsFrame().setVisible(False)
            self._options.layout().addWidget(effect.optionsFrame())

    def availableEffectNames(self) -> tuple[str, ...]:
        return tuple(each.name for each in self._effects)

    def effectByName(self, name: str):
        return next((each for each in self._effects if each.name == name), None)

    def activeEffect(self):
        """During an effect's ``activate`` still the one before it."""
        return self._activeEffect

    def setActiveEffect(self, effect):
        if self._node is not None:
            self._node.SetActiveEffectName(effect.name if effect else "")

    def setActiveEffectByName(self, name: str):
        self.setActiveEffect(self.effectByName(name))

    def effectIsEnabled(self, effect) -> bool:
        """Whether the effect's button can be pressed."""
        if self._node.GetSourceVolumeNode() is None or self.readOnly:
            return False
        segmentation = self._node.GetSegmentationNode()
        some = segmentation is not None and segmentation.GetSegmentation().GetNumberOfSegments() > 0
        selected = bool(self._node.GetSelectedSegmentID())
        return not effect.requireSegments or (some and (selected or not effect.perSegment))

    # Nodes.

    def setMRMLScene(self, scene):
        self._scene = scene
        self._logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        self._logic.SetMRMLScene(scene)
        self._logic.SetVerbose(True)
        slicer.app.layoutManager().layoutChanged.connect(self.onLayoutChanged)
        self._interactionNode = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
        self._observers.observe(self._interactionNode, MODIFIED, self._onInteractionNodeModified)
        self.updateWidgetFromMRML()
        self._observers.observe(scene, scene.EndCloseEvent, self._onEndClose)
        self._observers.observe(scene, scene.EndBatchProcessEvent, self.updateWidgetFromMRML)
        self._observers.observeNode(scene, scene.NodeAboutToBeRemovedEvent, self._onNodeAboutToBeRemoved)

    def mrmlScene(self):
        return self._scene

    def mrmlSegmentEditorNode(self):
        return self._node

    def setMRMLSegmentEditorNode(self, node):
        if node is self._node:
            return
        self._observers.forget(self._node)
        self._node = node
        self._observers.observe(node, MODIFIED, self.updateWidgetFromMRML)
        self._logic.SetSegmentEditorNode(node)
        if node is not None:
            self._initializeParameterNode()
            self.updateWidgetFromMRML()

    def _initializeParameterNode(self):
        """Also after each closing of the scene, which empties the node."""
        if self._node is None:
            return
        wasModified = self._node.StartModify()
        for effect in self._effects:
            self._giveParameterNode(effect)
        self._node.EndModify(wasModified)

    def _giveParameterNode(self, effect):
        effect.setParameterSetNode(self._node)
        effect.setMRMLDefaults()
        event = slicer.vtkMRMLSegmentEditorNode.EffectParameterModified
        self._observers.observe(self._node, event, effect.updateGUIFromMRML)

    def segmentationNode(self):
        return self._logic.GetSegmentationNode()

    def setSegmentationNode(self, node):
        """Ends the active effect."""
        if self._logic.GetSegmentationNode() is not node:
            self._logic.SetSegmentationNode(node)
            self.setActiveEffect(None)

    def segmentationNodeID(self) -> str:
        node = self.segmentationNode()
        return node.GetID() if node else ""

    def sourceVolumeNode(self):
        return self._logic.GetSourceVolumeNode()

    def setSourceVolumeNode(self, node):
        self._logic.SetSourceVolumeNode(node)

    def sourceVolumeNodeID(self) -> str:
        node = self.sourceVolumeNode()
        return node.GetID() if node else ""

    def currentSegmentID(self) -> str:
        return self._logic.GetCurrentSegmentID()

    def setCurrentSegmentID(self, segmentID: str):
        self._node.SetSelectedSegmentID(segmentID)

    # Undo, segments.

    def saveStateForUndo(self):
        self._logic.SaveStateForUndo()

    def setMaximumNumberOfUndoStates(self, number: int):
        self._logic.SetMaximumNumberOfUndoStates(number)

    def undo(self):
        self._logic.Undo()

    def redo(self):
        self._logic.Redo()

    def canUndo(self) -> bool:
        return self._logic.CanUndo()

    def canRedo(self) -> bool:
        return self._logic.CanRedo()

    def addSegment(self, segmentID: str = "") -> str:
        """The button Add: also saves a state for undo, and selects the new segment."""
        return self._logic.AddEmptySegment(segmentID)

    def removeSegment(self):
        """The button Remove."""
        following = self._logic.RemoveSelectedSegment()
        if following:
            self._selectInTable(following)

    def selectNextSegment(self):
        self._logic.SelectNextSegment(True)

    def selectPreviousSegment(self):
        self._logic.SelectPreviousSegment(True)

    def notifyReferenceGeometryChanged(self):
        """Only Slicer 5.8 and older tell the effects; from 5.10 on nothing calls this."""
        for effect in self._effects:
            effect.referenceGeometryChanged()

    def destroy(self):
        """What the C++ destructor does."""
        self.removeViewObservations()
        self.uninstallKeyboardShortcuts()
        self._observers.forgetAll()
        for effect in self._effects:
            effect.cleanup()
        self._effects.clear()
        self._logic.SetMRMLScene(None)
        self.deleteLater()


def qSlicerSegmentEditorEffectFactory():
    """The one factory."""
    return slicer.qSlicerSegmentEditorEffectFactory.instance()
