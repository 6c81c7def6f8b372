"""Notices what the editor does not tell an effect: segments removed, edited or undone, voxels changed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import slicer
import vtk

from ..SlicerTypes import MRMLNode, Segmentation

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
        segmentation, self._volume = self._segmentation(), self._parameterNode.GetSourceVolumeNode()
        self._watched = segmentation
        self._times = self._voxelTimes()
        self._add(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParameters)
        if segmentation is not None:
            self._add(segmentation, slicer.vtkSegmentation.SegmentRemoved, self._onRemoved)
            self._add(segmentation, slicer.vtkSegmentation.SegmentModified, self._onSegment)
        if self._volume is not None:
            for event in (slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent, vtk.vtkCommand.ModifiedEvent):
                self._add(self._volume, event, self._onVolume)

    def _add(self, node: MRMLNode, event: int, callback: Callable[[MRMLNode, object], None]) -> None:
        self._observations.append((node, node.AddObserver(event, callback)))

    def _segmentation(self) -> Segmentation | None:
        node = self._parameterNode.GetSegmentationNode()
        return None if node is None else node.GetSegmentation()

    def _onParameters(self, _node: MRMLNode, _event: object) -> None:
        isOther = self._segmentation() is not self._watched
        selected = self._parameterNode.GetSelectedSegmentID()
        if isOther:
            self._logic.abandon()
        if isOther or not self._observations or self._parameterNode.GetSourceVolumeNode() is not self._volume:
            self.close()
            self._watch()
        self._redraw()
        if selected != self._selected:
            self._selected = selected
            self._logic.sayHint()

    def _onVolume(self, _volume: MRMLNode, _event: object) -> None:
        editor = self._logic.editor
        if not editor.isCurrent(editor.lastGrid):  # else its name or the like
            self._logic.volumeChanged()
            self._redraw()

    def _onRemoved(self, _segmentation: Segmentation, _event: object) -> None:
        self._logic.forgetRemovedSegments()
        self._logic.segmentsChanged()
        self._redraw()

    def _onSegment(self, _segmentation: Segmentation, _event: object) -> None:
        """Undo, redo or another tool changed seeds or voxels: what still comes in would spoil the latter.

        Undo says no more than that a segment was modified, as a new seed does; the voxels' time tells.
        """
        if self._own:
            return
        self._logic.segmentsChanged()
        times = self._voxelTimes()
        if self._logic.running and times != self._times:
            self._logic.abandon()
        self._times = times

    def _voxelTimes(self) -> dict[str, int]:
        """When the voxels of each segment were modified last."""
        times: dict[str, int] = {}
        if self._watched is None:
            return times
        for number in range(self._watched.GetNumberOfSegments()):
            segment = self._watched.GetNthSegment(number)
            voxels = segment.GetRepresentation(BINARY_LABELMAP)
            times[self._watched.GetNthSegmentID(number)] = 0 if voxels is None else voxels.GetMTime()
        return times
