"""The Data tree: Slicer's Qt plugins give every visible node an item, and the segmentation logic wants it."""

import slicer
import slicer.util

from .node_observers import NodeObservers


class SubjectHierarchy:
    """Adds an item for each node that people see, as qSlicerSubjectHierarchyPluginLogic does."""

    def __init__(self, scene):
        self._scene = scene
        self._observers = NodeObservers()
        self._observers.observeNode(scene, scene.NodeAddedEvent, self._onNodeAdded)
        self._observers.observeNode(scene, scene.NodeAboutToBeRemovedEvent, self._onNodeAboutToBeRemoved)
        self._observers.observe(scene, scene.EndImportEvent, self._addMissing)
        self._observers.observe(scene, scene.EndRestoreEvent, self._addMissing)
        self._hierarchy()

    def close(self):
        """Before the scene goes."""
        self._observers.forgetAll()

    def _hierarchy(self):
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self._scene)

    def _onNodeAdded(self, node):
        if not self._scene.IsBatchProcessing():
            self._add(node)

    def _onNodeAboutToBeRemoved(self, node):
        hierarchy = self._hierarchy() if not self._scene.IsClosing() else None
        item = hierarchy.GetItemByDataNode(node) if hierarchy else 0
        if item:
            hierarchy.RemoveItem(item, False, False)

    def _add(self, node):
        if not node.IsA("vtkMRMLDisplayableNode") or node.GetHideFromEditors():
            return
        hierarchy = self._hierarchy()
        if not hierarchy.GetItemByDataNode(node):
            hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)

    def _addMissing(self):
        for node in slicer.util.getNodesByClass("vtkMRMLDisplayableNode", self._scene):
            self._add(node)
