"""What it takes to carry a segment to other time points, or why that cannot be done, before it begins."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from ..SlicerTypes import MRMLNode
from .EditorState import EditorState
from .SegmentationGrid import SegmentationGrid
from .SegmentationSequence import contentOf
from .SourceVoxels import broughtOnto, ijkToRas
from .TimePoint import TimePoint, browserOf

if TYPE_CHECKING:
    from medsam2.propagation_options import Direction
    from medsam2.slice_grid import Axis


class TimeError(Exception):
    """The segment cannot be carried to other time points; the message says what to do."""


@dataclass(frozen=True, eq=False)
class TimePlan:
    """A segment at the time point shown, and where it goes.

    Attributes:
        point: what is shown.
        segmentation, segmentId: which segment.
        volumes: the sequence of the volumes.
        toGrid: from the volume's coordinates to the segmentation's.
        grid: that masks are on.
        mask: the segment's own, (k, j, i) bool.
        axis: along which it is tracked at each time point.
        ways: for each direction the index values of the time points, the nearest first.
        contents: of those of them that have voxels of the segment, what tells these from others.
        names: of time points, by index value, as users know them from Slicer.
    """

    point: TimePoint
    segmentation: MRMLNode
    segmentId: str
    volumes: MRMLNode
    toGrid: vtk.vtkGeneralTransform
    grid: SegmentationGrid
    mask: np.ndarray = field(repr=False)
    axis: "Axis"
    ways: tuple[tuple[str, ...], ...]
    contents: dict[str, int]
    names: dict[str, str]

    def voxelsAt(self, value: str) -> np.ndarray | None:
        """The voxels (k, j, i) at a time point; None where the sequence, or the item, is gone."""
        volume = None if self.volumes.GetScene() is None else self.volumes.GetDataNodeAtValue(value)
        isGone = volume is None or volume.GetImageData() is None
        return None if isGone else broughtOnto(self.grid.image, volume, self.toGrid)


def planThroughTime(editor: EditorState, direction: "Direction", axis: "Axis") -> TimePlan:
    """What would be done.

    Raises:
        TimeError: why nothing can be.
    """
    point, volume, node, grid = editor.timePoint, editor.volume, editor.node, editor.grid()
    if point is None or volume is None or node is None or grid is None:
        raise TimeError(_("The volume shows no sequence: choose one that is browsed in time."))
    if editor.selected is None:
        raise TimeError(_("Add a segment first (green plus above)."))
    _checkMasking(editor)
    _checkNodes(point, volume, node)
    mask = grid.mask(editor.selectedId)
    if not mask.any():
        text = _("The segment is empty at this time point: segment it here first, then go through time.")
        raise TimeError(text)
    ways = _ways(point, direction)
    if not any(ways):
        raise TimeError(_("There is no other time point in this direction: choose another one."))
    volumes, segmentations = (point.browser.GetSequenceNode(each) for each in (volume, node))
    values = [value for way in ways for value in way]
    _checkVolumes(point, volume, values)
    items = {value: segmentations and segmentations.GetDataNodeAtValue(value) for value in values}
    contents = {value: contentOf(item, editor.selectedId) for value, item in items.items()}
    toGrid = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        volume.GetParentTransformNode(), node.GetParentTransformNode(), toGrid
    )
    return TimePlan(
        point=point,
        segmentation=node,
        segmentId=editor.selectedId,
        volumes=volumes,
        toGrid=toGrid,
        grid=grid,
        mask=mask,
        axis=axis,
        ways=ways,
        contents={value: content for value, content in contents.items() if content is not None},
        names={value: _nameOf(point, value) for value in values},
    )


def _nameOf(point: TimePoint, value: str) -> str:
    """A time point's number, counted from 1 as Slicer does, and its index value."""
    sequence = point.browser.GetMasterSequenceNode()
    number = sequence.GetItemNumberFromIndexValue(value) + 1
    return f"{number} ({sequence.GetIndexName()} = {value} {sequence.GetIndexUnit()})".replace(" )", ")")


def _ways(point: TimePoint, direction: "Direction") -> tuple[tuple[str, ...], ...]:
    master = point.browser.GetMasterSequenceNode()
    values = [master.GetNthIndexValue(index) for index in range(master.GetNumberOfDataNodes())]
    later, earlier = tuple(values[point.index + 1 :]), tuple(reversed(values[: point.index]))
    return {"forward": (later,), "backward": (earlier,), "both": (later, earlier)}[direction]


def _checkMasking(editor: EditorState) -> None:
    """It is written where nothing is shown, which Slicer's masks do not reach."""
    settings = editor.settings
    isMasked = settings.GetMaskMode() != slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere
    if isMasked or settings.GetSourceVolumeIntensityMask():
        text = _(
            "Masking does not hold at other time points: set Editable area to Everywhere, and switch "
            "Editable intensity range off."
        )
        raise TimeError(text)


def _checkNodes(point: TimePoint, volume: MRMLNode, segmentation: MRMLNode) -> None:
    other = browserOf(segmentation)
    if point.browser.GetSequenceNode(segmentation) is None and other is not None:
        text = _("The segmentation belongs to the sequence browser {name}: make a new one for this volume.")
        raise TimeError(text.format(name=other.GetName()))
    for node in (volume, segmentation):
        if any(browserOf(transform) is not None for transform in _transformsOf(node)):
            text = _("A transform that changes with time moves the volume or the segmentation: harden it.")
            raise TimeError(text)


def _transformsOf(node: MRMLNode) -> Iterator[MRMLNode]:
    transform = node.GetParentTransformNode()
    while transform is not None:
        yield transform
        transform = transform.GetParentTransformNode()


def _checkVolumes(point: TimePoint, shown: MRMLNode, values: list[str]) -> None:
    volumes = point.browser.GetSequenceNode(shown)
    for value in values:
        item = volumes.GetDataNodeAtValue(value)
        if item is None:
            text = _("There is no volume of its own at time point {name}: choose another direction.")
        elif not item.IsA("vtkMRMLScalarVolumeNode") or item.GetImageData() is None:
            text = _("There is no image at time point {name}: choose another direction.")
        elif not _haveOneGrid(item, shown):
            text = _(
                "The volume at time point {name} has another size, spacing or position than the one shown: "
                "bring all onto one grid first (module Resample Scalar/Vector/DWI Volume)."
            )
        else:
            continue
        raise TimeError(text.format(name=_nameOf(point, value)))


def _haveOneGrid(one: MRMLNode, other: MRMLNode) -> bool:
    first, second = (slicer.util.arrayFromVTKMatrix(ijkToRas(node)) for node in (one, other))
    areAlike = np.allclose(first, second, atol=1e-3)
    return areAlike and one.GetImageData().GetDimensions() == other.GetImageData().GetDimensions()
