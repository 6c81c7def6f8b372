"""What was reviewed stays so while other effects are used; what they changed counts as accepted."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .EditorState import EditorState
from .SliceResults import SliceResults
from .Undoing import versionOf

if TYPE_CHECKING:
    from medsam2.placed_mask import PlacedMask

    from .Seeds import SliceKey


@dataclass(frozen=True, eq=False)
class _Left:
    """A segment when the effect was left: its version, and what it had on slices that wait for a review."""

    version: int
    content: "dict[SliceKey, PlacedMask]" = field(repr=False)


class KeptReviews:
    """Hands the results of one activation of the effect to the next one."""

    def __init__(self) -> None:
        self._results = SliceResults()
        self._gridKey: tuple = ()
        self._left: dict[str, _Left] = {}

    def leave(self, editor: EditorState, results: SliceResults) -> None:
        """The effect is left."""
        self._results, self._gridKey, self._left = SliceResults(), editor.gridKey, {}
        grid = editor.lastGrid
        if grid is None or not editor.isCurrent(grid):
            return
        results.outdate()  # the next backend knows nothing of these
        self._results = results
        for segmentId in editor.segmentIds():
            content = grid.content(segmentId)
            waiting = {where: content.mask(*where) for where in results.waiting(segmentId)}
            self._left[segmentId] = _Left(versionOf(editor.segment(segmentId)), waiting)

    def enter(self, editor: EditorState) -> SliceResults:
        """The effect is chosen again: what still holds; nothing on another grid."""
        results, self._results = self._results, SliceResults()
        if not results.segmentIds():
            return results
        grid = editor.grid()
        if grid is None or editor.gridKey != self._gridKey:
            return SliceResults()
        for segmentId in editor.segmentIds():
            left, version = self._left.get(segmentId), versionOf(editor.segment(segmentId))
            if left is None:
                continue
            if version != left.version:  # undone, or redone
                results.exchange(segmentId, left.version, version)
                continue
            content = grid.content(segmentId)
            for (axis, index), mask in left.content.items():
                if content.mask(axis, index) != mask:
                    results.confidence(segmentId, axis).accept(index)
        return results
