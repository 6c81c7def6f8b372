"""What is done before the user asks for it, so that the first click is answered soon."""

from collections.abc import Callable, Sequence

from ..backend.BackendManager import BackendManager, BackendState
from .BackendRequests import BackendRequests
from .EditorState import EditorState
from .Propagation import Later
from .SegmentationGrid import SlicePosition
from .SliceResults import SliceResults


class LookAhead:
    """Starts a backend, copies the volume, and tells the backend where the user looks and points.

    Args:
        isBusy: says whether a propagation runs, which needs the backend for itself.
    """

    def __init__(
        self,
        manager: BackendManager,
        editor: EditorState,
        requests: BackendRequests,
        results: SliceResults,
        isBusy: Callable[[], bool],
        later: Later,
    ):
        self._manager = manager
        self._editor = editor
        self._requests = requests
        self._results = results
        self._isBusy = isBusy
        self._later = later
        self._isClosed = False

    def begin(self) -> None:
        """Start a backend on this computer before the first click needs it; a server hears nothing yet."""
        manager = self._manager
        isNeeded = manager.state is BackendState.STOPPED and self._editor.hasVolume
        if isNeeded and not manager.settings.serverUrl:
            self._requests.connect()
        self._copy()

    def close(self) -> None:
        """Copy no more."""
        self._isClosed = True

    def _copy(self) -> None:
        """Copy the volume before the first click needs it, a little whenever Slicer has seen to its user."""
        if not self._isClosed and self._editor.copySome():
            self._later(self._copy)

    def show(self, ras: Sequence[float], normal: Sequence[float]) -> None:
        """The user looks at a slice: the backend may encode it meanwhile."""
        position = self._position(ras, normal)
        if position is not None:
            self._requests.show(position.axis, position.sliceIndex)

    def pointAt(self, ras: Sequence[float], normal: Sequence[float]) -> None:
        """The user may click there next: the backend may encode what a first click on the slice needs."""
        position = self._position(ras, normal)
        if position is None:
            return
        seen = self._results.previews.get(self._editor.selectedId)
        if seen is None or (seen.axis, seen.slice_index) != (position.axis, position.sliceIndex):
            # Where there is an outline, further clicks keep its field of view.
            self._requests.show(position.axis, position.sliceIndex, (position.row, position.column))

    @property
    def isHeard(self) -> bool:
        """Whether a backend has a volume and time, so that it is worth saying where the user looks."""
        return self._requests.hasVolume and not self._isBusy()

    def _position(self, ras: Sequence[float], normal: Sequence[float]) -> SlicePosition | None:
        grid = self._editor.lastGrid
        return grid.position(ras, grid.axisOf(normal)) if self.isHeard and grid is not None else None
