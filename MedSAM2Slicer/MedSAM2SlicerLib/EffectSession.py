"""What the active effect does: seeds become prompts, answers become previews and voxels.

Knows MRML and the editor's adaptor, but neither widgets nor views: it tells ``display`` what changed.
"""

from medsam2.client import ClientError

from .BackendManager import backendManager
from .Confidence import Confidence
from .EditorSegments import EditorSegments
from .Propagation import Propagation
from .PropagationController import PropagationController
from .SeedPrompts import SeedPrompts
from .Seeds import BOX, PAINTED, POINT_NEGATIVE, POINT_POSITIVE, Seed, readSeeds, writeSeeds
from .SegmentationGrid import GridError, SegmentationGrid
from .SourceVolume import SourceVolume

ABSENT_SLICES = 4
LARGER, SMALLER = 1.5, 1 / 1.5


class EffectSession:
    """Seeds, previews and the running propagation of one activation of the effect.

    Args:
        scriptedEffect: the adaptor.
        display: has ``redraw()``, ``showMessage(text, isError)``, ``showRunning(bool)`` and
            ``showProgress(done, total, slicesPerSecond)``.
        write: ``write(segmentId, labelmap, remove)`` through the editor.
    """

    def __init__(self, scriptedEffect, display, write):
        self._effect = scriptedEffect
        self._display = display
        self.segments = EditorSegments(scriptedEffect)
        self._write = write
        self._manager = backendManager()
        self._controller: PropagationController | None = None
        self._grid: SegmentationGrid | None = None
        self._source = SourceVolume(scriptedEffect)
        self._prompts: SeedPrompts | None = None
        self._key: tuple | None = None
        self._propagation = Propagation(display, self._writeChecked, self._contentOf, self._isSame)
        self.previews: dict[str, object] = {}
        self.confidence: dict[tuple[str, str], Confidence] = {}
        self._manager.attach(self._handle)
        self._manager.addObserver(self._onBackendState)

    def close(self) -> None:
        """Stop everything; what was streamed and not yet written is dropped."""
        self._manager.detach(self._handle)
        self._manager.removeObserver(self._onBackendState)
        self.abandon()
        if self._controller is not None:
            self._controller.reset()

    # State

    @property
    def running(self) -> bool:
        """Whether a propagation runs or is being cancelled."""
        return self._propagation.running

    def seeds(self) -> list[Seed]:
        """Seeds of the selected segment."""
        return readSeeds(self.segments.selected)

    def preview(self):
        """The last preview of the selected segment (``protocol.Mask``), or None."""
        return self.previews.get(self.segments.selectedId)

    def grid(self) -> SegmentationGrid | None:
        """The grid, brought up to date; None, with a sentence for the user, where there is none."""
        node = self.segments.node
        try:
            key = self._source.key()
            if self._grid is None or key != self._key:
                self._grid, self._key = SegmentationGrid(self._effect.sourceVolumeImageData(), node), key
                self._prompts = SeedPrompts(self._grid, node)
        except GridError as error:
            self._grid = None
            self._display.showMessage(str(error), True)
        return self._grid

    def _isSame(self) -> bool:
        return self._source.key() == self._key

    # Seeds

    def addSeed(self, ras, normal, positive: bool) -> None:
        """Place a seed and ask for the slice's mask."""
        self._add(Seed(POINT_POSITIVE if positive else POINT_NEGATIVE, tuple(ras), tuple(normal)))

    def addBox(self, ras, opposite, normal) -> None:
        """Draw a box and ask for the slice's mask."""
        self._add(Seed(BOX, tuple(ras), tuple(normal), tuple(opposite)))

    def addPainted(self, ras, normal) -> None:
        """The segment's own content on a slice becomes the prompt."""
        self._add(Seed(PAINTED, tuple(ras), tuple(normal)))

    def removeSeed(self, index: int) -> None:
        """Remove a seed and ask for its slice again without it."""
        seeds = self.seeds()
        seed = seeds.pop(index)
        self._change(seeds, seed)

    def moveSeed(self, index: int, ras) -> None:
        """Move a seed and ask for its slice again."""
        seeds = self.seeds()
        old, seeds[index] = seeds[index], seeds[index].movedTo(tuple(ras))
        self._change(seeds, old)
        self._prompt(seeds[index], replace=True)

    def clearSeeds(self) -> None:
        """Remove all seeds of the selected segment; its voxels stay."""
        segment = self.segments.selected
        if segment is None:
            return
        self.cancel()
        writeSeeds(segment, [])
        self.previews.pop(self.segments.selectedId, None)
        if self._controller is not None:
            self._controller.forget(self.segments.selectedId)
        self._display.redraw()

    def _add(self, seed: Seed) -> None:
        segment, grid = self.segments.selected, self.grid()
        if segment is None:
            self._display.showMessage("Add a segment first (green plus above).", True)
            return
        if grid is None:
            return
        axis = grid.axisOf(seed.normal)
        places = [grid.place(ras, axis) for ras in (seed.ras, seed.corner) if ras is not None]
        if None in places:
            self._display.showMessage("The click lies outside the volume: click on the image.", True)
            return
        earlier = self.seeds()
        same = [s for s in earlier if self._prompts.sliceOf(s) == self._prompts.sliceOf(seed)]
        if seed.kind in (BOX, PAINTED):  # there is one of these for a slice
            earlier = [s for s in earlier if not (s in same and s.kind in (BOX, PAINTED))]
        writeSeeds(segment, [*earlier, seed])
        self._prompt(seed, replace=bool(same) and seed.kind in (BOX, PAINTED))
        self._display.redraw()

    def _change(self, seeds: list[Seed], changed: Seed) -> None:
        writeSeeds(self.segments.selected, seeds)
        self.previews.pop(self.segments.selectedId, None)
        self._prompt(changed, replace=True)
        self._display.redraw()

    # Prompts

    def _prompt(self, seed: Seed, replace: bool, view=None) -> None:
        """Send what is said of a seed's slice: the seed alone, or all of the slice's seeds anew."""
        where = self._prompts.sliceOf(seed) if self.grid() is not None else None
        if where is None or not self._connect():
            return
        if self._openVolume() and view is None:
            return  # this seed was sent with all others
        seeds = self.seeds() if replace else [seed]
        together = [each for each in seeds if self._prompts.sliceOf(each) == where]
        prompt = self._prompts.promptOf(self.segments.selectedId, where, together, view)
        self._controller.prompt(prompt, replace)

    def _connect(self) -> bool:
        """Get hold of the backend; False, with a sentence for the user, if it cannot be used."""
        try:
            client = self._manager.client()
        except ClientError as error:
            self._display.showMessage(str(error), True)
            return False
        if self._controller is None or self._controller.client is not client:
            self._controller = PropagationController(client, self)
        return True

    def _openVolume(self) -> bool:
        """Make the backend know the volume as it is now, and all seeds; False if it does already."""
        if self._controller.isOpen(self._key):
            return False
        self._controller.open(self._source.offer(self._grid, self._key))
        self._sendEarlierSeeds()
        return True

    def _sendEarlierSeeds(self) -> None:
        """Seeds that were placed before the volume was sent, as after a scene was loaded."""
        for segmentId in self.segments.ids():
            for where, seeds in self._prompts.bySlice(readSeeds(self.segments.get(segmentId))).items():
                self._controller.prompt(self._prompts.promptOf(segmentId, where, seeds), replace=False)

    def resizeView(self, larger: bool) -> None:
        """Show the network more, or less, round the selected segment, and ask for the slice again."""
        mask, seeds, grid = self.preview(), self.seeds(), self.grid()
        if mask is None or not seeds or grid is None:
            return
        rowAxis = 0 if mask.axis != "k" else 1  # of the array's axes that remain, the first runs along rows
        side = mask.view.rows * grid.spacing[rowAxis] * (LARGER if larger else SMALLER)
        here = [seed for seed in seeds if self._prompts.sliceOf(seed) == (mask.axis, mask.slice_index)]
        if here:
            self._prompt(here[-1], replace=True, view=side)

    def show(self, ras, normal) -> None:
        """The user looks at a slice: tell the backend, which may encode it meanwhile."""
        if self._controller is None or self._grid is None or self.running:
            return
        axis = self._grid.axisOf(normal)
        place = self._grid.place(ras, axis)
        if place is not None:
            self._controller.show(axis, place.sliceIndex)

    # Propagation

    def propagate(
        self, direction: str, first: int, last: int, allSegments: bool, stopWhenAbsent: bool
    ) -> None:
        """Track the selected segment, or all that have seeds, through the volume."""
        if self.running or self.grid() is None:
            return
        options = {
            "direction": "both" if direction == "range" else direction,
            "absent_stop": ABSENT_SLICES if stopWhenAbsent else None,
        }
        if direction == "range":
            options |= {"first": min(first, last), "last": max(first, last)}
        jobs = self._jobs(allSegments, options)
        if not jobs:
            self._display.showMessage("Click the object on one slice first.", True)
        elif self._connect():
            self._openVolume()
            self._effect.saveStateForUndo()
            self._propagation.start(self._controller, self._grid, jobs)

    def cancel(self) -> None:
        """Stop the propagation; what has arrived is kept."""
        self._propagation.cancel()

    def abandon(self) -> None:
        """Stop the propagation and write nothing more."""
        self._propagation.abandon()

    def _jobs(self, allSegments: bool, options: dict) -> list[tuple[str, list[str], dict]]:
        """One job for each axis along which segments have their last seed, from that seed's slice outward."""
        segmentIds = self.segments.ids() if allSegments else [self.segments.selectedId]
        last = {name: self._prompts.lastSlice(readSeeds(self.segments.get(name))) for name in segmentIds}
        jobs = []
        for axis in dict.fromkeys(where[0] for where in last.values() if where is not None):
            along = {name: where[1] for name, where in last.items() if where is not None and where[0] == axis}
            start, *others = set(along.values())
            inside = options.get("first", 0) <= start <= options.get("last", start)
            place = {"start": start} if inside and not others else {}
            jobs.append((axis, list(along), options | place))
        return jobs

    def _writeChecked(self, segmentId: str, labelmap, remove: bool) -> None:
        if self.segments.get(segmentId) is not None:
            self._write(segmentId, labelmap, remove)

    def _contentOf(self, segmentId: str):
        """The part of the grid in which a segment may have voxels; None for nowhere."""
        segment = self.segments.get(segmentId)
        labelmap = None if segment is None else segment.GetRepresentation("Binary labelmap")
        if labelmap is None or not labelmap.GetNumberOfPoints():
            return None
        return self._grid.partOf(labelmap)

    def forgetRemovedSegments(self) -> None:
        """Segments were removed: nothing more is done for them."""
        known = set(self.segments.ids())
        gone = {name for name, _ in self.confidence} - known
        if gone and self.running:
            self.abandon()
        for name in gone:
            self.previews.pop(name, None)
            if self._controller is not None:
                self._controller.forget(name)
        self.confidence = {key: value for key, value in self.confidence.items() if key[0] in known}

    def confidenceAlong(self, axis: str) -> Confidence:
        """Confidence of the selected segment's slices along an axis."""
        return self._confidenceOf(self.segments.selectedId, axis)

    # Listener of the controller

    def onPreview(self, mask) -> None:
        """A prompted slice was answered."""
        self.previews[mask.object_id] = mask
        self._confidenceOf(mask.object_id, mask.axis).put(mask)
        if not mask.mask.size:
            self._display.showMessage("Nothing was found here: click again, or draw a box.", False)
        self._display.redraw()

    def onMask(self, mask) -> None:
        """A slice of the propagation has come."""
        if self._propagation.onMask(mask):
            self._confidenceOf(mask.object_id, mask.axis).put(mask)

    def onProgress(self, done: int, total: int) -> None:
        """The propagation got on."""
        self._propagation.onProgress(done, total)

    def onFinished(self, outcome: str) -> None:
        """One job ended."""
        if outcome == "finished":
            self.previews.clear()
        if self._propagation.onFinished(outcome):
            self._display.redraw()

    def onError(self, message: str) -> None:
        """A request failed."""
        self._display.showMessage(message, True)

    def _confidenceOf(self, segmentId: str, axis: str) -> Confidence:
        return self.confidence.setdefault((segmentId, axis), Confidence())

    def _handle(self, message) -> None:
        if self._controller is not None:
            self._controller.handle(message)

    def _onBackendState(self) -> None:
        """Say where the user looks what the backend is doing."""
        if self._manager.failure:
            self._controller = None
            self._propagation.fail()
            self._display.showMessage(self._manager.failure, True)
        elif self._manager.stateText in ("starting", "connecting", "restoring"):
            self._display.showMessage(f"The backend is {self._manager.stateText}…")
        else:
            self._display.showMessage("")
