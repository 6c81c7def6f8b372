"""What the Segment Editor does when nodes, segments or the active effect have changed.

The order of the calls is Slicer's own (qMRMLSegmentEditorWidget, 5.10 to 5.13).
"""

import qt
import slicer
import vtk

MODIFIED = vtk.vtkCommand.ModifiedEvent


class EditorReactions:
    """Mixin of the editor."""

    def updateWidgetFromMRML(self):
        if self._scene is None or self._scene.IsClosing() or self._scene.IsBatchProcessing():
            return
        if self._node is None:
            return
        wasModified = self._node.StartModify()
        self._updateFromSegmentation()
        self._updateFromVolume()
        self._updateFromSelection()
        self._updateEffects()
        self._node.EndModify(wasModified)

    def _updateFromSegmentation(self):
        node = self._logic.GetSegmentationNode()
        if node is self._segmentation:
            return
        self._observers.forget(self._segmentation)
        self._segmentation, self._selectedInTable = node, ""
        if node is not None:
            self._observers.observe(node, MODIFIED, self.updateWidgetFromMRML)
            self._observers.observe(node, slicer.vtkSegmentation.SegmentRemoved, self._onSegmentRemoved)
            self._observers.observe(node, node.DisplayModifiedEvent, self._onDisplayModified)
            self._takeUp(node)
        self.segmentationNodeChanged.emit(node)

    def _takeUp(self, segmentation):
        reference = segmentation.GetNodeReference(segmentation.GetReferenceImageGeometryReferenceRole())
        if self._volume is not reference:
            self.setSourceVolumeNode(reference)
        segmentation.CreateDefaultDisplayNodes()
        if segmentation.GetSegmentation().GetNumberOfSegments() > 0:
            self._selectInTable(segmentation.GetSegmentation().GetNthSegmentID(0))

    def _updateFromVolume(self):
        volume = self._logic.GetSourceVolumeNode()
        if volume is self._volume or self._segmentation is None:
            return
        self._volume = volume
        self._showSourceVolume()
        self.sourceVolumeNodeChanged.emit(volume)
        for effect in self._effects:
            effect.sourceVolumeNodeChanged()
            effect.masterVolumeNodeChanged()

    def _updateFromSelection(self):
        selected = self._node.GetSelectedSegmentID() or ""
        self._selectInTable(selected if self._hasSegment(selected) else "")

    def _hasSegment(self, segmentID: str) -> bool:
        return bool(
            segmentID and self._segmentation and self._segmentation.GetSegmentation().GetSegment(segmentID)
        )

    def _selectInTable(self, segmentID: str):
        if segmentID == self._selectedInTable:
            return
        self._selectedInTable = segmentID
        if (self._node.GetSelectedSegmentID() or "") == segmentID:
            return
        self._node.SetSelectedSegmentID(segmentID or None)
        if not segmentID and self._activeEffect is not None and self._activeEffect.perSegment:
            self.setActiveEffect(None)
        self.updateWidgetFromMRML()
        self.currentSegmentIDChanged.emit(segmentID)

    def _updateEffects(self):
        effect = self.effectByName(self._node.GetActiveEffectName() or "")
        if effect is self._activeEffect:
            return
        if self._activeEffect is not None:
            self._activeEffect.deactivate()
        if effect is not None and not self._useBinaryLabelmaps():
            effect = None
        if effect is not None:
            self.setupViewObservations()
            self._shownIn = self._displayingViews()
            self._leavePlaceMode()
            effect.activate()
            self._options.setTitle(effect.title)
            self._help.setText(_folded(effect.helpText()))
        else:
            self.removeViewObservations()
        self._options.setVisible(effect is not None)
        self._setCursor(effect)
        self._lastEffect, self._activeEffect = self._activeEffect, effect

    def _useBinaryLabelmaps(self) -> bool:
        if self._logic.CanTriviallyConvertSourceRepresentationToBinaryLabelMap():
            return self._logic.TrivialSetSourceRepresentationToBinaryLabelmap()
        question = "Change source representation to binary labelmap?"
        yes = qt.QMessageBox.question(None, "", question) == qt.QMessageBox.Yes
        return (
            yes and self._segmentation is not None and self._logic.SetSourceRepresentationToBinaryLabelMap()
        )

    def _leavePlaceMode(self):
        node = self._interactionNode
        if node and node.GetCurrentInteractionMode() != node.ViewTransform:
            node.SetCurrentInteractionMode(node.ViewTransform)

    def _onInteractionNodeModified(self):
        if self._activeEffect is not None:
            self._activeEffect.interactionNodeModified(self._interactionNode)

    def _onSegmentRemoved(self):
        """The table selects another segment, or nothing when the last one is gone."""
        if self._hasSegment(self._selectedInTable):
            return
        segmentation = self._segmentation.GetSegmentation()
        self._selectInTable(segmentation.GetNthSegmentID(0) if segmentation.GetNumberOfSegments() else "")

    def _onDisplayModified(self):
        views = self._displayingViews()
        if views != self._shownIn:
            self._shownIn = views
            self.onLayoutChanged()

    def _onNodeAboutToBeRemoved(self, node):
        if node is self._segmentation and not self._scene.IsClosing():
            others = [each for each in slicer.util.getNodesByClass(node.GetClassName()) if each is not node]
            self.setSegmentationNode(others[0] if others else None)

    def _onEndClose(self):
        self._initializeParameterNode()
        self.updateWidgetFromMRML()


def _folded(html: str) -> str:
    """As ctkFittedTextBrowser shows it: up to the first line break, then a link to the rest."""
    teaser, lineBreak, _rest = html.partition("<br>")
    return f'{teaser} <a href="#">Show details...</a></html>' if lineBreak else html
