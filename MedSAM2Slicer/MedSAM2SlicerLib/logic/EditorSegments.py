"""The segments of the editor's segmentation."""


class EditorSegments:
    """Looks them up when asked: the editor may show another segmentation at any time.

    Args:
        scriptedEffect: the adaptor.
    """

    def __init__(self, scriptedEffect):
        self._effect = scriptedEffect

    @property
    def node(self):
        """The ``vtkMRMLSegmentationNode``, or None."""
        return self._effect.parameterSetNode().GetSegmentationNode()

    @property
    def selectedId(self) -> str:
        """The selected segment; empty for none."""
        return self._effect.parameterSetNode().GetSelectedSegmentID() or ""

    @property
    def selected(self):
        """The selected ``vtkSegment``, or None."""
        return self.get(self.selectedId)

    def get(self, segmentId: str):
        """A ``vtkSegment``, or None."""
        if self.node is None or not segmentId:
            return None
        return self.node.GetSegmentation().GetSegment(segmentId)

    def ids(self) -> list[str]:
        """All segment IDs, in the order of the table."""
        if self.node is None:
            return []
        segmentation = self.node.GetSegmentation()
        return [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
