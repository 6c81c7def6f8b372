"""Undo and redo of seeds: they are the editor's own, as its keys and buttons are.

A state of the editor holds segments with their tags, and so with their seeds. Slicer says no more of undo
than that segments were modified; so what is there is compared with what was there, and where it differs the
backend is told and the user reads what has happened.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from slicer.i18n import tr as _

from medsam2.prompt import Prompt

from ..SlicerTypes import ScriptedEffect, Segment
from .BackendRequests import BackendRequests
from .EditorState import EditorState
from .Propagation import Later
from .Seeds import BOX, LASSOS, PAINTED, STROKES, Seed, SliceKey, bySlice, lastSlice, promptOf, tagOf
from .SliceResults import SliceResults

VERSION = "MedSAM2.Version"
"""Tag of a segment: a number that grows where all that is known of its slices changes at once."""


@dataclass(frozen=True)
class _Seen:
    """Of a segment: its seeds in order, and its version."""

    seeds: list[Seed] = field(default_factory=list)
    version: int = 0
    name: str = field(default="", compare=False)


class Undoing:
    """Saves states, and takes up what undo and redo make of them.

    Args:
        isHeld: says whether a propagation runs, of which no state may hold a part.
        onTakenUp: told what has happened, in one sentence for each segment; empty for nothing.
    """

    def __init__(
        self,
        scriptedEffect: ScriptedEffect,
        editor: EditorState,
        requests: BackendRequests,
        results: SliceResults,
        isHeld: Callable[[], bool],
        onTakenUp: Callable[[str], None],
        later: Later,
    ):
        self._effect = scriptedEffect
        self._editor = editor
        self._requests = requests
        self._results = results
        self._isHeld = isHeld
        self._onTakenUp = onTakenUp
        self._later = later
        self._looksLater = self._isClosed = False
        self.remember()

    def close(self) -> None:
        """Take up nothing more."""
        self._isClosed = True

    def save(self) -> None:
        """Save a state, which undo comes back to; what is clicked in a run goes with that run.

        It costs a copy of the voxels once after they have changed, and nothing for the next seeds.
        """
        self._takeUp()
        if not self._isHeld():
            self._effect.saveStateForUndo()

    def beginVersion(self, segmentId: str) -> None:
        """All that is known of a segment's slices is about to change; after ``save``."""
        segment = self._editor.segment(segmentId)
        if segment is not None:
            version = versionOf(segment)
            self._results.keep(segmentId, version)
            segment.SetTag(VERSION, version + 1)
            self.remember()

    def remember(self) -> None:
        """What is there now is our own doing."""
        self._node = self._editor.node
        self._seen = self._look()

    def forget(self, segmentId: str) -> None:
        """A removed segment is forgotten by the backend: if it comes back, all of it is told again."""
        self._seen.pop(segmentId, None)

    def lookLater(self) -> None:
        """Undo, redo or a script may have changed seeds; to be looked at when all of it is done."""
        if not self._looksLater:
            self._looksLater = True
            self._later(self._takeUp)

    def _takeUp(self) -> None:
        """Take up what undo, redo or a script did."""
        self._looksLater = False
        if self._isClosed:
            return
        node, before = self._node, self._seen
        self.remember()
        said: list[str] = []
        if node is self._node:
            said = self._compare(before)
        self._onTakenUp(" ".join(said))

    def _compare(self, before: "dict[str, _Seen]") -> list[str]:
        said = []
        for segmentId, seen in self._seen.items():
            was = before.get(segmentId, _Seen())
            if seen != was:
                self._tell(segmentId, was, seen)
                if segmentId in before:  # else the whole segment has come
                    said.append(_inWords(was, seen))
        return said

    def _look(self) -> dict[str, _Seen]:
        seen = {}
        for segmentId in self._editor.segmentIds():
            segment = self._editor.segment(segmentId)
            if segment is not None:
                seen[segmentId] = _Seen(self._editor.seeds(segmentId), versionOf(segment), segment.GetName())
        return seen

    def _tell(self, segmentId: str, was: _Seen, seen: _Seen) -> None:
        """Make the results, and a backend that has the volume, know a segment as it is."""
        self._results.previews.pop(segmentId, None)
        known: set[SliceKey] = set()
        if was.version != seen.version:
            known = self._results.exchange(segmentId, was.version, seen.version)
        grid = self._editor.grid()
        if grid is None or not self._requests.isOpen(self._editor.key):
            return
        earlier, now = bySlice(was.seeds, grid), bySlice(seen.seeds, grid)
        for axis, index in known - now.keys():
            self._requests.prompt(segmentId, axis, Prompt(index), replace=True)
        changed = [where for where in {**earlier, **now} if earlier.get(where) != now.get(where)]
        shown = lastSlice(seen.seeds, grid)
        if shown is not None and seen.version <= was.version:  # its outline is what there was to see
            changed = [*(where for where in changed if where != shown), shown]
        for where in changed:
            prompt = promptOf(now.get(where, []), where, grid, segmentId)
            if prompt.mask is None or where == shown:
                self._requests.prompt(segmentId, where[0], prompt, replace=True)
            else:  # there may be many, and of what is painted there is nothing more to see
                self._requests.tell(segmentId, where[0], [prompt])


def versionOf(segment: Segment | None) -> int:
    """How often all that is known of a segment's slices has changed at once."""
    text = tagOf(segment, VERSION)
    return int(text) if text.isdecimal() else 0


def _inWords(was: _Seen, seen: _Seen) -> str:
    if seen.version < was.version:
        return _("The last change of {segment} was taken back.").format(segment=seen.name)
    if seen.version > was.version:
        return _("The last change of {segment} is back.").format(segment=seen.name)
    gone = [seed for seed in was.seeds if seed not in seen.seeds]
    come = [seed for seed in seen.seeds if seed not in was.seeds]
    if gone and come:
        return _("The seeds of {segment} are as they were.").format(segment=seen.name)
    text = _("Back again in {segment}: {what}.") if come else _("Taken back in {segment}: {what}.")
    return text.format(segment=seen.name, what=_named(come or gone))


def _named(seeds: list[Seed]) -> str:
    if len(seeds) != 1:
        return _("{count} seeds").format(count=len(seeds))
    kind = seeds[0].kind
    names = {BOX: _("a box"), PAINTED: _("a painted slice")}
    names |= dict.fromkeys(STROKES, _("a stroke")) | dict.fromkeys(LASSOS, _("a lasso"))
    return names.get(kind, _("a click"))
