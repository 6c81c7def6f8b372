"""What the editor shows now: segments, the source volume, and the grid on which both lie."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import slicer
from slicer.i18n import tr as _

from ..SlicerTypes import MRMLNode, ScriptedEffect, Segment
from .Display import Display
from .Seeds import Seed, readSeeds
from .SegmentationGrid import GridError, SegmentationGrid
from .SourceVoxels import SourceVoxels, ijkToRas
from .TimePoint import TimePoint, browserOf, timePointOf

if TYPE_CHECKING:
    from medsam2.protocol.messages import Memory

AS_SHOWN, AUTOMATIC = "view", "auto"
"""Choices of the option; the others are presets of ``medsam2.volume``."""


@dataclass(frozen=True, eq=False)
class VolumeOffer:
    """A volume as it is sent: voxels (k, j, i), spacing in mm along them, and how it is shown.

    ``key`` says whether it is still the same: grid, voxels and options.
    """

    key: tuple
    voxels: np.ndarray = field(repr=False)
    spacing: tuple[float, float, float]
    window: tuple[float, float] | None
    memory: "Memory"


class EditorState:
    """Looks for itself when asked: the editor says nothing of most changes.

    Args:
        display: told why there is no grid.

    Attributes:
        gridKey: of the volume's voxels and the grid, when the grid was asked for last.
        key: of grid and options when the grid was asked for last; see ``VolumeOffer``.
        lastGrid: the grid that was made last, which may be outdated; None before there was one.
    """

    def __init__(self, scriptedEffect: ScriptedEffect, display: Display):
        self._effect = scriptedEffect
        self._display = display
        self._source: SourceVoxels | None = None
        self.gridKey: tuple = ()
        self.key: tuple = ()
        self.lastGrid: SegmentationGrid | None = None

    @property
    def settings(self) -> MRMLNode:
        """The ``vtkMRMLSegmentEditorNode``."""
        return self._effect.parameterSetNode()

    @property
    def volume(self) -> MRMLNode | None:
        """The source volume."""
        return self.settings.GetSourceVolumeNode()

    # Segments

    @property
    def node(self) -> MRMLNode | None:
        """The ``vtkMRMLSegmentationNode``, or None."""
        return self.settings.GetSegmentationNode()

    @property
    def selectedId(self) -> str:
        """The selected segment; empty for none."""
        return self.settings.GetSelectedSegmentID() or ""

    @property
    def selected(self) -> Segment | None:
        """The selected ``vtkSegment``, or None."""
        return self.segment(self.selectedId)

    @property
    def target(self) -> tuple:
        """What the user works on: another one where segment, volume or grid is another one."""
        return (self.selectedId, *self._voxelsKey())

    def segment(self, segmentId: str) -> Segment | None:
        """A ``vtkSegment``, or None."""
        if self.node is None or not segmentId:
            return None
        return self.node.GetSegmentation().GetSegment(segmentId)

    def seeds(self, segmentId: str) -> list[Seed]:
        """Seeds of a segment at the time point shown."""
        return readSeeds(self.segment(segmentId), self.time)

    def segmentIds(self) -> list[str]:
        """In the order of the table."""
        return [] if self.node is None else list(self.node.GetSegmentation().GetSegmentIDs())

    # Time

    @property
    def timePoint(self) -> TimePoint | None:
        """What the source volume shows of its sequence; None where it belongs to none."""
        return timePointOf(self.volume)

    @property
    def time(self) -> str | None:
        """The index value of the time point; None without a sequence."""
        shown = self.timePoint
        return None if shown is None else shown.value

    @property
    def keepsChanges(self) -> bool:
        """Whether what is done to the segmentation is there still after another time point was shown."""
        browser = browserOf(self.node)
        return browser is None or browser.GetSaveChanges(browser.GetSequenceNode(self.node))

    # Grid

    def grid(self) -> SegmentationGrid | None:
        """The grid, brought up to date; None, with a sentence for the user, where there is none."""
        try:
            gridKey = self._voxelsKey()
            if self.lastGrid is None or gridKey != self.gridKey:
                self.lastGrid = self._makeGrid()
            self.gridKey, self.key = gridKey, self._offerKey()
        except GridError as error:
            self.lastGrid = None
            self._display.showMessage(str(error), True)
        return self.lastGrid

    def _makeGrid(self) -> SegmentationGrid:
        volume = self.volume
        if volume is None or self.node is None:
            raise GridError(_("There is no volume: choose one at the top of Segment Editor."))
        geometry = slicer.vtkOrientedImageData()
        image, shared = volume.GetImageData(), self._effect.referenceGeometryImage()
        if image is None or not image.GetNumberOfPoints() or shared is None:
            raise GridError(_("The source volume is empty: choose another one at the top of Segment Editor."))
        geometry.DeepCopy(shared)  # which all effects use
        grid = SegmentationGrid(geometry, self.node)
        self._source = SourceVoxels(volume, self.node, geometry, self._effect.sourceVolumeImageData)
        return grid

    @property
    def hasVolume(self) -> bool:
        """Whether there are a volume and a segmentation."""
        return bool(self._voxelsKey())

    def isCurrent(self, grid: SegmentationGrid | None) -> bool:
        """Whether volume, geometry and transforms are as they were when this grid was made."""
        return grid is self.lastGrid and self._voxelsKey() == self.gridKey

    def _voxelsKey(self) -> tuple:
        """Changes when voxels, grid or transforms change; empty without a volume."""
        volume, segmentation = self.volume, self.node
        if volume is None or segmentation is None:
            return ()
        image = volume.GetImageData()
        reference = segmentation.GetSegmentation().GetConversionParameter("Reference image geometry")
        return (
            volume.GetID(),
            segmentation.GetID(),
            self.time,
            0 if image is None else image.GetMTime(),
            _place(volume),
            _transformTime(volume),
            _transformTime(segmentation),
            reference,
        )

    # The volume as it is sent

    def offer(self, grid: SegmentationGrid) -> VolumeOffer:
        """The volume on its grid, with the options.

        The same array is offered again while only options have changed, so that it is not sent twice.
        """
        if self._source is None or grid is not self.lastGrid:
            raise RuntimeError("a volume is offered on a grid that is outdated")
        memory = self._effect.parameter("Memory")
        return VolumeOffer(self.key, self._source.array(), grid.spacing, self._window(), memory)

    def copySome(self) -> bool:
        """Copy some voxels, before they are offered; returns whether there is more to copy."""
        return self.lastGrid is not None and self._source is not None and self._source.copySome()

    def _offerKey(self) -> tuple:
        voxels = self._voxelsKey()
        return (*voxels, self._window(), self._effect.parameter("Memory")) if voxels else ()

    def _window(self) -> tuple[float, float] | None:
        """Intensities shown as black and white; None for automatic."""
        choice = self._effect.parameter("Window")
        if choice == AUTOMATIC or self.volume is None:
            return None
        if choice == AS_SHOWN:
            display = self.volume.GetDisplayNode()
            if display is None:
                return None
            level, width = display.GetLevel(), max(display.GetWindow(), 1e-6)
            return level - width / 2, level + width / 2
        # Imported at first use: reading volumes takes libraries that choosing the effect must not wait for.
        from medsam2.volume.window import WINDOW_PRESETS

        preset = WINDOW_PRESETS.get(choice)
        return None if preset is None else (preset.lower, preset.upper)


def _place(volume: MRMLNode) -> tuple[float, ...]:
    return tuple(slicer.util.arrayFromVTKMatrix(ijkToRas(volume)).ravel().tolist())


def _transformTime(node: MRMLNode) -> int:
    transform = node.GetParentTransformNode()
    return 0 if transform is None else transform.GetTransformToWorldMTime()
