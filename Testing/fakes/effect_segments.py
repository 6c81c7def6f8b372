"""What effects do to segments: all through the real logic of the Segment Editor."""

import slicer

from .effect_modes import ConfirmedWithDialog, ConfirmedWithoutDialog, NotConfirmed
from .journal import JOURNAL

Logic = slicer.vtkSlicerSegmentEditorLogic
# VTK's wrappers take their own enumerators only.
MODES = (
    Logic.ModificationModeSet,
    Logic.ModificationModeAdd,
    Logic.ModificationModeRemove,
    Logic.ModificationModeRemoveAll,
)
EVERYWHERE = (0, -1, 0, -1, 0, -1)
CANCELLED = "cancel"


class EffectSegments:
    """Mixin of the effect; ``_logic`` is the editor's vtkSlicerSegmentEditorLogic, None in a prototype."""

    def modifySelectedSegmentByLabelmap(self, labelmap, mode, *extentAndBypass):
        """``modify(labelmap, mode[, extent of 6][, bypassMasking])``"""
        node = self.parameterSetNode()
        segmentID = node.GetSelectedSegmentID() or ""
        self.modifySegmentByLabelmap(node.GetSegmentationNode(), segmentID, labelmap, mode, *extentAndBypass)

    def modifySegmentByLabelmap(self, segmentationNode, segmentID, labelmap, mode, *extentAndBypass):
        extent, bypass = _sorted(extentAndBypass)
        if extent is None:
            JOURNAL.critical("modifySelectedSegmentByLabelmap failed: extent must have 6 int values")
        elif self._logic is not None:
            mode = MODES[int(mode)]
            perSegment = bool(self.perSegment)
            self._logic.ModifySegmentByLabelmap(
                segmentationNode, segmentID, labelmap, mode, extent, perSegment, bypass
            )

    def saveStateForUndo(self):
        self._editor.saveStateForUndo()

    # The images belong to the editor and are shared by all its effects.

    def modifierLabelmap(self):
        return self._logic.GetModifierLabelmap()

    def defaultModifierLabelmap(self):
        """The modifier labelmap, emptied and given the default geometry."""
        return self._updated("ResetModifierLabelmapToDefault", "GetModifierLabelmap")

    def maskLabelmap(self):
        return self._updated("UpdateMaskLabelmap", "GetMaskLabelmap")

    def selectedSegmentLabelmap(self):
        return self._updated("UpdateSelectedSegmentLabelmap", "GetSelectedSegmentLabelmap")

    def referenceGeometryImage(self):
        return self._updated("UpdateReferenceGeometryImage", "GetReferenceGeometryImage")

    def sourceVolumeImageData(self):
        return self._updated("UpdateAlignedSourceVolume", "GetAlignedSourceVolume")

    masterVolumeImageData = sourceVolumeImageData

    def _updated(self, update, get):
        return getattr(self._logic, get)() if getattr(self._logic, update)() else None

    def confirmCurrentSegmentVisible(self) -> int:
        """Ask before a hidden segment is changed; the answer comes from ``JOURNAL.answers["hidden"]``:
        "show" (the default), "keep hidden" or "cancel"."""
        node = self.parameterSetNode()
        segmentationNode = node.GetSegmentationNode() if node else None
        segmentID = node.GetSelectedSegmentID() if node else None
        if segmentationNode is None or not segmentID:
            return ConfirmedWithoutDialog
        segment = segmentationNode.GetSegmentation().GetSegment(segmentID)
        if self._confirmedHidden is segment or _isVisible(segmentationNode, segmentID):
            return ConfirmedWithoutDialog
        return self._askAboutHidden(segmentationNode, segmentID, segment)

    def _askAboutHidden(self, segmentationNode, segmentID, segment) -> int:
        answer = JOURNAL.ask("hidden", "Operate on invisible segment?", "show")
        if answer == CANCELLED:
            return NotConfirmed
        if answer == "show":
            display = segmentationNode.GetDisplayNode()
            display.SetVisibility(True)
            display.SetSegmentVisibility(segmentID, True)
        else:
            self._confirmedHidden = segment
        return ConfirmedWithDialog


def _isVisible(segmentationNode, segmentID) -> bool:
    displays = (
        segmentationNode.GetNthDisplayNode(number)
        for number in range(segmentationNode.GetNumberOfDisplayNodes())
    )
    return any(each.GetVisibility() and each.GetSegmentVisibility(segmentID) for each in displays)


def _sorted(extentAndBypass) -> tuple:
    """Tell the overloads apart as PythonQt does, by the types of the arguments."""
    extent, bypass = EVERYWHERE, False
    for each in extentAndBypass:
        if isinstance(each, (bool, int)):
            bypass = bool(each)
        else:
            extent = tuple(int(number) for number in each)
    return (extent if len(extent) == 6 else None), bypass
