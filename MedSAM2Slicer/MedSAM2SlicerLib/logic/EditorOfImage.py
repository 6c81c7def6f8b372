"""Opens Segment Editor with an image of a set and the effect."""

import slicer

from ..SlicerTypes import MRMLNode

EFFECT = "MedSAM2"


def editImage(volume: MRMLNode, segmentation: MRMLNode) -> None:
    """Go to the module, show the image in the views, choose its segment and the effect."""
    slicer.util.selectModule("SegmentEditor")
    editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
    # Views that look along the only slice would show a line.
    slicer.util.setSliceViewerLayers(
        background=volume, foreground=None, label=None, fit=True, rotateToVolumePlane=True
    )
    editor.setSegmentationNode(segmentation)
    editor.setSourceVolumeNode(volume)
    segments = segmentation.GetSegmentation()
    editor.mrmlSegmentEditorNode().SetSelectedSegmentID(segments.GetNthSegmentID(0))
    editor.setActiveEffectByName(EFFECT)
