"""Images of a set in Slicer's scene: each with its segmentation below it, from and to the review.

Nodes know their image by attributes, which a saved scene keeps. A colour picture stays the colour volume
that Slicer loads: Segment Editor takes it as it is, and a grey copy beside it would be one more node to hide.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from ..SlicerTypes import Labelmap, MRMLNode, Segment
from .Seeds import tagOf
from .SegmentationGrid import GridError
from .SegmentTerms import nameAlgorithm
from .SourceVoxels import asArray, ijkToRas

if TYPE_CHECKING:
    from medsam2.image_sets.image_record import ImageRecord
    from medsam2.placed_mask import PlacedMask

FILE, SET = "MedSAM2.ImageFile", "MedSAM2.ImageSet"
"""Attributes: of a volume, the image's files, a line for each; of a segmentation, one of them and its set."""
SHOWN = "MedSAM2.ImageSetMask"
"""Tag of a segment: which mask was put into it, to tell whether a person has changed it since."""
SEGMENT = "object"
"""Identifier of the segment; people name it as they like."""


class ImageSetScene:
    """Brings images and masks of one set into the scene, and masks back.

    Args:
        folder: of the set.
    """

    def __init__(self, folder: Path):
        self._folder = str(folder)

    def open(self, record: "ImageRecord", mask: "PlacedMask | None") -> tuple[MRMLNode, MRMLNode]:
        """The volume and the segmentation of an image, loaded and made where they are not there.

        What a person has painted since stays; else the segment shows ``mask``.

        Raises:
            GridError: the image cannot be loaded, or is not the one of the set any more.
        """
        segmentation = self.segmentation(record)
        volume = self._volume(record) or _load(record, segmentation)
        rows, columns = _shape(volume)
        if record.shape is not None and tuple(record.shape) != (rows, columns):
            raise GridError(
                _("{name} has {columns} x {rows} pixels now, other than when it was segmented.").format(
                    name=record.name, columns=columns, rows=rows
                )
            )
        segmentation = segmentation or self._make(record, volume)
        if mask is not None and not self._isPainted(segmentation, volume):
            self._show(segmentation, volume, mask.full((rows, columns)))
        return volume, segmentation

    def segmentation(self, record: "ImageRecord") -> MRMLNode | None:
        """The node of an image; None where it is not in the scene."""
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
            if node.GetAttribute(FILE) == str(record.path) and node.GetAttribute(SET) == self._folder:
                return node
        return None

    def painted(self, record: "ImageRecord") -> np.ndarray:
        """The mask (rows, columns) bool that a person has made of an image.

        Raises:
            GridError: the image is not in the scene any more, or nothing was segmented.
        """
        volume, segmentation = self._volume(record), self.segmentation(record)
        segment = None if segmentation is None else _segmentIn(segmentation)
        if volume is None or segmentation is None or segment is None:
            gone = _("{name} is not in the scene any more: segment it again.")
            raise GridError(gone.format(name=record.name))
        mask = _voxels(segmentation, volume)
        if not mask.any():
            raise GridError(
                _("Nothing is segmented on {name}: segment the object, or say that it is absent.").format(
                    name=record.name
                )
            )
        return mask

    def noteKept(self, record: "ImageRecord", mask: np.ndarray) -> None:
        """Say that a painted mask is the set's by now: later ones may replace it in the scene."""
        segment = _segmentIn(self.segmentation(record))
        segment.SetTag(SHOWN, _digest(mask))

    def _volume(self, record: "ImageRecord") -> MRMLNode | None:
        for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
            if str(record.path) in filesOf(node):
                return node
        return None

    def _make(self, record: "ImageRecord", volume: MRMLNode) -> MRMLNode:
        """An empty segmentation below its volume, whose segment is like that of the set's other images."""
        like = self._anySegment()
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{record.name} segmentation")
        node.CreateDefaultDisplayNodes()
        node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
        node.SetAttribute(FILE, str(record.path))
        node.SetAttribute(SET, self._folder)
        name = Path(self._folder).name if like is None else like.GetName()
        node.GetSegmentation().AddEmptySegment(SEGMENT, name)
        if like is not None:
            segment = _segmentIn(node)
            segment.SetColor(like.GetColor())
            segment.SetTerminology(like.GetTerminology())
        _putBelow(volume, node)
        return node

    def _anySegment(self) -> Segment:
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
            if node.GetAttribute(SET) == self._folder and _segmentIn(node) is not None:
                return _segmentIn(node)
        return None

    @staticmethod
    def _isPainted(segmentation: MRMLNode, volume: MRMLNode) -> bool:
        segment = _segmentIn(segmentation)
        if segment is None:
            return False
        voxels = _voxels(segmentation, volume)
        return bool(voxels.any()) and tagOf(segment, SHOWN) != _digest(voxels)

    @staticmethod
    def _show(segmentation: MRMLNode, volume: MRMLNode, mask: np.ndarray) -> None:
        if _segmentIn(segmentation) is None:
            segmentation.GetSegmentation().AddEmptySegment(SEGMENT, segmentation.GetName())
        identifier = _segmentIdIn(segmentation)
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        logic.SetBinaryLabelmapToSegment(labelmapOf(mask, volume), segmentation, identifier)
        segment = _segmentIn(segmentation)
        segment.SetTag(SHOWN, _digest(mask))
        nameAlgorithm(segment)


def filesOf(volume: MRMLNode) -> list[str]:
    """The files that have an image's pixels: each set of images of the scene has its own."""
    lines = volume.GetAttribute(FILE)
    return lines.split("\n") if lines else []


def noteFiles(volume: MRMLNode, files: list[str]) -> None:
    """Say which files have an image's pixels."""
    volume.SetAttribute(FILE, "\n".join(files))


def _moveTo(volume: MRMLNode, segmentation: MRMLNode) -> None:
    """Bring an image where its segmentation was made: on a volume that is gone, or was edited since."""
    name = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
    geometry, matrix = slicer.vtkOrientedImageData(), vtk.vtkMatrix4x4()
    kept = segmentation.GetSegmentation().GetConversionParameter(name)
    slicer.vtkSegmentationConverter.DeserializeImageGeometry(kept, geometry, False)
    if geometry.GetDimensions() == volume.GetImageData().GetDimensions():
        geometry.GetImageToWorldMatrix(matrix)
        volume.SetIJKToRASMatrix(matrix)
        volume.SetAndObserveTransformNodeID(segmentation.GetTransformNodeID())
        _putBelow(volume, segmentation)


def _putBelow(volume: MRMLNode, segmentation: MRMLNode) -> None:
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(segmentation), hierarchy.GetItemByDataNode(volume))


def _load(record: "ImageRecord", segmentation: MRMLNode | None) -> MRMLNode:
    """Alone, whatever numbers the files beside it have, and where its segmentation is if it has one."""
    cannot = _("Slicer cannot load {path}: look into the error log (View > Error Log).")
    cannot = cannot.format(path=record.path)
    properties = {"singleFile": True, "show": False, "name": record.name}
    try:
        volume = slicer.util.loadVolume(str(record.path), properties)
    except RuntimeError as error:
        raise GridError(cannot) from error
    if volume.GetImageData().GetDimensions()[2] != 1:
        slicer.mrmlScene.RemoveNode(volume)
        raise GridError(cannot)
    noteFiles(volume, [str(record.path)])
    if segmentation is not None:
        _moveTo(volume, segmentation)
    return volume


def labelmapOf(mask: np.ndarray, volume: MRMLNode) -> Labelmap:
    """A mask (rows, columns) where the volume's only slice lies."""
    image = slicer.vtkOrientedImageData()
    rows, columns = mask.shape
    image.SetDimensions(columns, rows, 1)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    asArray(image)[...] = mask
    image.SetGeometryFromImageToWorldMatrix(ijkToRas(volume))
    return image


def _shape(volume: MRMLNode) -> tuple[int, int]:
    columns, rows, _slices = volume.GetImageData().GetDimensions()
    return rows, columns


def _segmentIdIn(segmentation: MRMLNode) -> str:
    """That of the set, else the first one: people replace segments."""
    ids = segmentation.GetSegmentation().GetSegmentIDs()
    return SEGMENT if SEGMENT in ids or not ids else ids[0]


def _segmentIn(segmentation: MRMLNode) -> Segment:
    """None where there is none."""
    return segmentation.GetSegmentation().GetSegment(_segmentIdIn(segmentation))


def _voxels(segmentation: MRMLNode, volume: MRMLNode) -> np.ndarray:
    found = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, _segmentIdIn(segmentation), volume)
    return found[0] > 0


def _digest(mask: np.ndarray) -> str:
    return hashlib.sha256(np.packbits(mask).tobytes()).hexdigest()
