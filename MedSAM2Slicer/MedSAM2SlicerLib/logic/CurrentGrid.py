"""The grid of the editor's segmentation with the source volume on it, as both are now."""

from slicer.i18n import tr as _

from .SeedPrompts import SeedPrompts
from .SegmentationGrid import GridError, SegmentationGrid
from .SourceVolume import SourceVolume


class CurrentGrid:
    """Makes the grid anew when volume, geometry or transforms have changed.

    It looks for itself: the editor says nothing of most of these changes.

    Args:
        scriptedEffect: the adaptor.
        segments: ``EditorSegments``.
        display: told why there is no grid.

    Attributes:
        key: of grid and options when they were asked for last; see ``SourceVolume.key``.
        prompts: ``SeedPrompts`` on that grid; None before there was one.
    """

    def __init__(self, scriptedEffect, segments, display):
        self._effect = scriptedEffect
        self._segments = segments
        self._display = display
        self._source = SourceVolume(scriptedEffect)
        self._grid: SegmentationGrid | None = None
        self._gridKey: tuple = ()
        self.key: tuple = ()
        self.prompts: SeedPrompts | None = None

    def get(self) -> SegmentationGrid | None:
        """The grid, brought up to date; None, with a sentence for the user, where there is none."""
        try:
            gridKey = self._source.voxelsKey()
            if self._grid is None or gridKey != self._gridKey:
                self._make()
            self._gridKey, self.key = gridKey, self._source.key()
        except GridError as error:
            self._grid = None
            self._display.showMessage(str(error), True)
        return self._grid

    def _make(self) -> None:
        if not self._source.voxelsKey():
            raise GridError(_("There is no volume: choose one at the top of Segment Editor."))
        node = self._segments.node
        self._grid = SegmentationGrid(self._effect.sourceVolumeImageData(), node)
        self.prompts = SeedPrompts(self._grid, node)

    @property
    def exists(self) -> bool:
        """Whether there are a volume and a segmentation."""
        return bool(self._source.voxelsKey())

    @property
    def known(self) -> SegmentationGrid | None:
        """The grid that was made last, which may be outdated."""
        return self._grid

    def isCurrent(self, grid: SegmentationGrid | None) -> bool:
        """Whether volume, geometry and transforms are as they were when this grid was made."""
        return grid is self._grid and self._source.voxelsKey() == self._gridKey

    def offer(self):
        """The volume as it is sent (``VolumeOffer``)."""
        return self._source.offer(self._grid, self.key)
