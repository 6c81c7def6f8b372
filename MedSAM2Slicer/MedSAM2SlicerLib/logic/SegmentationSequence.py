"""A segmentation for each item of a sequence, kept by Slicer's own sequence nodes.

Slicer shows them through a proxy, as it shows the volumes. Items are read and written where they are kept, so
that none has to be shown for that.
"""

import numpy as np
import slicer

from ..SlicerTypes import Labelmap, MRMLNode
from .Seeds import TAG, readSeeds, writeSeeds
from .SegmentTerms import nameAlgorithm
from .SourceVoxels import asArray
from .TimePoint import TimePoint


class SegmentationSequence:
    """The segmentations that go with the items of a browser.

    A segmentation that belongs to no sequence becomes the item shown of a new one. Items that are missing are
    made with the same segments, empty, and what is changed in the item shown is kept from now on.

    Args:
        point: what is shown.
        node: the segmentation that is shown.

    Attributes:
        node: the ``vtkMRMLSequenceNode``.
    """

    def __init__(self, point: TimePoint, node: MRMLNode):
        self._browser = point.browser
        # All at once: with each change of a browser Slicer copies all that it shows.
        state = self._browser.StartModify()
        self.node = self._browser.GetSequenceNode(node)
        isNew = self.node is None
        if isNew:
            self.node = _likeMaster(self._browser, node)
        if isNew or not self._browser.GetSaveChanges(self.node):
            self.node.SetDataNodeAtValue(node, point.value)  # else what is shown would be lost
        self._template = _emptied(node)
        self._addMissing(node)
        if isNew:
            self._browser.AddProxyNode(node, self.node, False)
        self._browser.SetSaveChanges(self.node, True)
        self._browser.EndModify(state)

    def _addMissing(self, node: MRMLNode) -> None:
        master = self._browser.GetMasterSequenceNode()
        for index in range(master.GetNumberOfDataNodes()):
            value = master.GetNthIndexValue(index)
            if self.node.GetDataNodeAtValue(value) is None:
                _takeSeeds(self._template, node, value)
                self.node.SetDataNodeAtValue(self._template, value)

    def item(self, value: str) -> MRMLNode | None:
        """The segmentation at an index value; None where it, the sequence or the browser is gone."""
        isKept = self.node.GetScene() is not None and self._browser.GetScene() is not None
        if not isKept or not self._browser.IsSynchronizedSequenceNode(self.node, True):
            return None
        return self.node.GetDataNodeAtValue(value)

    def prepare(self, value: str, segmentId: str) -> None:
        """Make sure that an item has a segment."""
        segmentation = self.node.GetDataNodeAtValue(value).GetSegmentation()
        if segmentation.GetSegment(segmentId) is None:
            segmentation.CopySegmentFromSegmentation(self._template.GetSegmentation(), segmentId)
            self.node.StorableModified()

    def write(self, value: str, segmentId: str, labelmap: Labelmap) -> None:
        """Replace a segment of an item; other segments stay as they are, though they may overlap."""
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        item = self.node.GetDataNodeAtValue(value)
        logic.SetBinaryLabelmapToSegment(labelmap, item, segmentId, logic.MODE_REPLACE)
        nameAlgorithm(item.GetSegmentation().GetSegment(segmentId))
        self.node.StorableModified()  # Slicer saves it


def contentOf(item: MRMLNode | None, segmentId: str) -> int | None:
    """A number that tells a segment's voxels in an item from others; None for no voxels."""
    labelmap = slicer.vtkOrientedImageData()
    if item is None or item.GetSegmentation().GetSegment(segmentId) is None:
        return None
    item.GetBinaryLabelmapRepresentation(segmentId, labelmap)
    if not labelmap.GetNumberOfPoints():
        return None
    voxels = asArray(labelmap) > 0
    ends = [np.flatnonzero(voxels.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    if not len(ends[0]):
        return None
    part = voxels[tuple(slice(each[0], each[-1] + 1) for each in ends)]
    where = np.array([each[0] for each in ends]) + labelmap.GetExtent()[4::-2]
    return hash((*where.tolist(), *part.shape, np.packbits(part).tobytes()))


def _likeMaster(browser: MRMLNode, node: MRMLNode) -> MRMLNode:
    """A new sequence for a segmentation, counted as the browser's volumes are."""
    master = browser.GetMasterSequenceNode()
    sequence = slicer.vtkMRMLSequenceNode()
    sequence.SetName(f"{node.GetName()}-Sequence")  # as Slicer names them
    sequence.SetIndexName(master.GetIndexName())
    sequence.SetIndexUnit(master.GetIndexUnit())
    sequence.SetIndexType(master.GetIndexType())
    sequence.SetNumericIndexValueTolerance(master.GetNumericIndexValueTolerance())
    return slicer.mrmlScene.AddNode(sequence)


def _emptied(node: MRMLNode) -> MRMLNode:
    """A copy of a segmentation, in no scene, whose segments have neither voxels nor seeds."""
    copy = slicer.vtkMRMLSegmentationNode()
    copy.SetName(node.GetName())
    copy.CopyContent(node)
    for segmentId in copy.GetSegmentation().GetSegmentIDs():
        slicer.vtkSlicerSegmentationsModuleLogic.ClearSegment(copy, segmentId)
    return copy


def _takeSeeds(copy: MRMLNode, node: MRMLNode, value: str) -> None:
    """Give the segments of a copy the seeds that were placed at an index value, and no others."""
    for segmentId in copy.GetSegmentation().GetSegmentIDs():
        segment = copy.GetSegmentation().GetSegment(segmentId)
        seeds = readSeeds(node.GetSegmentation().GetSegment(segmentId), value)
        segment.RemoveTag(TAG)
        writeSeeds(segment, [seed for seed in seeds if seed.time == value], value)
