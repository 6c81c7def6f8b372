"""The module Segment Editor round the editor, as a person meets it."""

import qt
import slicer

from .node_observers import NodeObservers

UNDO_STATES = 10
TAG = "SegmentEditor"


class SegmentEditorModule:
    """``editor``: the widget. Knows when effects are registered and when the scene is closed.

    Stands for ``slicer.modules.segmenteditor``, its widget and the Python object behind that.
    """

    def __init__(self):
        self.isEntered = False
        self._node = None
        self.editor = slicer.qMRMLSegmentEditorWidget()
        self.editor.setMaximumNumberOfUndoStates(UNDO_STATES)
        self._selectParameterNode()
        self.editor.setMRMLScene(slicer.mrmlScene)
        self._observers = NodeObservers()
        scene = slicer.mrmlScene
        self._observers.observe(scene, scene.StartCloseEvent, self._onStartClose)
        self._observers.observe(scene, scene.EndCloseEvent, self._onEndClose)
        factory = slicer.qSlicerSegmentEditorEffectFactory.instance()
        factory.connect("effectRegistered(QString)", self.editor.updateEffectList)

    def widgetRepresentation(self):
        return self

    def self(self):
        return self

    def enter(self):
        """Open the module."""
        window = slicer.app.mainWindow()
        if window is not None and window.centralWidget() is None:
            window.setCentralWidget(qt.QWidget())
        self.editor.installKeyboardShortcuts(window or self.editor)
        self.isEntered = True
        self._selectParameterNode()
        self.editor.updateWidgetFromMRML()

    def exit(self):
        """Go to another module: the active effect ends."""
        self.editor.setActiveEffect(None)
        self.editor.uninstallKeyboardShortcuts()
        self.editor.removeViewObservations()
        self.isEntered = False

    def close(self):
        """Slicer quits."""
        factory = slicer.qSlicerSegmentEditorEffectFactory.instance()
        factory.disconnect("effectRegistered(QString)", self.editor.updateEffectList)
        self._observers.forgetAll()
        self.exit()
        self.editor.destroy()

    def _selectParameterNode(self):
        scene = slicer.mrmlScene
        node = scene.GetSingletonNode(TAG, "vtkMRMLSegmentEditorNode")
        if node is None:
            node = slicer.vtkMRMLSegmentEditorNode()
            node.SetSingletonTag(TAG)
            node = scene.AddNode(node)
        if node is not self._node:
            self._node = node
            self.editor.setMRMLSegmentEditorNode(node)

    def _onStartClose(self):
        self._node = None
        self.editor.setSegmentationNode(None)
        self.editor.removeViewObservations()

    def _onEndClose(self):
        if self.isEntered:
            self._selectParameterNode()
            self.editor.updateWidgetFromMRML()
