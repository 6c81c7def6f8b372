"""Notices what the editor does not tell an effect: segments removed, edited or undone, voxels changed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import slicer
import vtk

from ..SlicerTypes import MRMLNode
from .TimePoint import browserOf

if TYPE_CHECKING:
    from .EffectLogic import EffectLogic

BINARY_LABELMAP = "Binary labelmap"


class SegmentationObserver:
    """Watches the editor's segmentation while the effect is active.

    Args:
        parameterNode: of the editor.
        logic: stops what no longer holds.
        redraw: called when what is drawn may have changed.
    """

    def __init__(self, parameterNode: MRMLNode, logic: "EffectLogic", redraw: Callable[[], None]):
        self._parameterNode = parameterNode
        self._logic = logic
        self._redraw = redraw
        self._own = False
        self._selected = parameterNode.GetSelectedSegmentID()
        self._observations: list[tuple] = []
        self._watch()

    def follow(self, parameterNode: MRMLNode) -> None:
        """The editor has another parameter node."""
        if parameterNode is not self._parameterNode:
            self._parameterNode = parameterNode
            self.close()
            self._onParameters(parameterNode, None)

    def close(self) -> None:
        """Watch no longer."""
        for node, tag in self._observations:
            node.RemoveObserver(tag)
        self._observations = []

    @contextmanager
    def own(self) -> Iterator[None]:
        """Within, changes are ours."""
        self._own = True
        try:
            yield
        finally:
            self._own = False
            self._times = self._voxelTimes()

    def _watch(self) -> None:
        self._node = node = self._parameterNode.GetSegmentationNode()
        self._volume = self._parameterNode.GetSourceVolumeNode()
        self._browser = browserOf(self._volume)
        self._times = self._voxelTimes()
        self._add(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParameters)
        if node is not None:
            self._add(node, node.SegmentationChangedEvent, self._onExchanged)
            self._add(node, slicer.vtkSegmentation.SegmentRemoved, self._onRemoved)
            self._add(node, slicer.vtkSegmentation.SegmentModified, self._onSegment)
            for event in (vtk.vtkCommand.ModifiedEvent, node.TransformModifiedEvent):
                self._add(node, event, self._onGrid)
        if self._volume is not None:
            events = (vtk.vtkCommand.ModifiedEvent, self._volume.TransformModifiedEvent)
            for event in (slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent, *events):
                self._add(self._volume, event, self._onVolume)
        if self._browser is not None:
            self._add(self._browser, vtk.vtkCommand.ModifiedEvent, self._onBrowser)

    def _add(self, node: MRMLNode, event: int, callback: Callable[[MRMLNode, object], None]) -> None:
        self._observations.append((node, node.AddObserver(event, callback)))

    def _onParameters(self, _node: MRMLNode, _event: object) -> None:
        isOther = self._parameterNode.GetSegmentationNode() is not self._node
        selected = self._parameterNode.GetSelectedSegmentID()
        if isOther:
            self._logic.abandon()
        if isOther or not self._observations or self._parameterNode.GetSourceVolumeNode() is not self._volume:
            self._watchAnew()
        self._redraw()
        if selected != self._selected:
            self._selected = selected
            self._logic.sayHint()

    def _watchAnew(self) -> None:
        self.close()
        self._watch()

    def _onBrowser(self, _browser: MRMLNode, _event: object) -> None:
        """Slicer has shown another item of the sequence, or none: it is heard of before this."""
        self._logic.lookAtTime()
        self._logic.undoing.remember()
        self._times = self._voxelTimes()
        self._redraw()

    def _onVolume(self, volume: MRMLNode, event: object) -> None:
        if browserOf(self._volume) is not self._browser:  # the volume has become part of a sequence
            self._watchAnew()
        self._onGrid(volume, event)

    def _onGrid(self, _node: MRMLNode, _event: object) -> None:
        editor = self._logic.editor
        if not editor.isCurrent(editor.lastGrid):  # else its name or the like
            self._logic.volumeChanged()
            self._redraw()

    def _onExchanged(self, _node: MRMLNode, _event: object) -> None:
        """As a sequence does with the segmentation that shows its items."""
        self._logic.segmentationExchanged()
        self._times = self._voxelTimes()
        self._redraw()

    def _onRemoved(self, _node: MRMLNode, _event: object) -> None:
        self._logic.forgetRemovedSegments()
        self._times = self._voxelTimes()  # those of others in the same labelmap have changed with it
        self._logic.undoing.lookLater()
        self._redraw()

    def _onSegment(self, _node: MRMLNode, _event: object) -> None:
        """Undo, redo or another tool changed seeds or voxels: what still comes in would spoil the latter.

        Undo says no more than that a segment was modified, as a new seed does; the voxels' time tells.
        """
        if self._own:
            return
        self._logic.undoing.lookLater()
        times = self._voxelTimes()
        self._logic.abandonIfOf({each for each, time in times.items() if time != self._times.get(each)})
        self._times = times

    def _voxelTimes(self) -> dict[str, int]:
        """When the voxels of each segment were modified last."""
        times: dict[str, int] = {}
        if self._node is None:
            return times
        segmentation = self._node.GetSegmentation()
        for number in range(segmentation.GetNumberOfSegments()):
            voxels = segmentation.GetNthSegment(number).GetRepresentation(BINARY_LABELMAP)
            times[segmentation.GetNthSegmentID(number)] = 0 if voxels is None else voxels.GetMTime()
        return times
