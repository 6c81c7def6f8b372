"""What the active effect does: seeds become prompts, answers become previews and voxels.

Knows MRML and the editor's adaptor, but neither widgets nor views: it tells ``display`` what changed.
"""

from .BackendManager import backendManager
from .Confidence import Confidence
from .CurrentGrid import CurrentGrid
from .EditorSegments import EditorSegments
from .PromptSender import PromptSender
from .Propagation import Propagation
from .PropagationJobs import PropagationChoice, propagationJobs
from .SeedEditing import SeedEditing
from .Seeds import readSeeds
from .SliceResults import SliceResults

BACKEND_AT_WORK = ("starting", "connecting", "restoring")


class EffectSession:
    """One activation of the effect.

    Args:
        scriptedEffect: the adaptor.
        display: has ``redraw()``, ``showMessage(text, isProblem)``, ``showRunning(bool)`` and
            ``showProgress(done, total, slicesPerSecond)``.
        write: ``write(segmentId, labelmap, remove)`` through the editor.
        later: ``later(call)`` calls soon, but not before Slicer has seen to its user.

    Attributes:
        segments: ``EditorSegments``.
        current: ``CurrentGrid``.
        results: ``SliceResults``.
        seeding: ``SeedEditing``.
    """

    def __init__(self, scriptedEffect, display, write, later):
        self._effect = scriptedEffect
        self._display = display
        self._write = write
        self._manager = backendManager()
        self.segments = EditorSegments(scriptedEffect)
        self.current = CurrentGrid(scriptedEffect, self.segments, display)
        self.results = SliceResults()
        self._sender = PromptSender(self._manager, self.current, self.segments, self, display)
        self.seeding = SeedEditing(self.segments, self.current, self._sender, self.results, display)
        self._propagation = Propagation(
            display, self._writeChecked, self._contentOf, self.current.isCurrent, later
        )
        self._previewGrid = None
        self._manager.attach(self._sender.handle)
        self._manager.addObserver(self._onBackendState)

    def close(self) -> None:
        """Stop everything; what was streamed and not yet written is dropped."""
        self._manager.detach(self._sender.handle)
        self._manager.removeObserver(self._onBackendState)
        self._propagation.close()
        self._sender.close()

    @property
    def running(self) -> bool:
        """Whether a propagation runs, is being cancelled, or is still being written."""
        return self._propagation.running

    def preview(self):
        """The last preview of the selected segment (``protocol.Mask``) on the current grid, or None."""
        mask = self.results.previews.get(self.segments.selectedId)
        return mask if self.current.get() is self._previewGrid else None

    def confidenceAlong(self, axis: str) -> Confidence:
        """Confidence of the selected segment's slices along an axis."""
        return self.results.confidence(self.segments.selectedId, axis)

    def show(self, ras, normal) -> None:
        """The user looks at a slice."""
        if not self.running:
            self._sender.show(ras, normal)

    # Propagation

    def propagate(self, choice: PropagationChoice) -> None:
        """Track the selected segment, or all that have seeds, through the volume."""
        if self.running or self.current.get() is None:
            return
        segmentIds = self.segments.ids() if choice.allSegments else [self.segments.selectedId]
        lastSlice = self.current.prompts.lastSlice
        places = {name: lastSlice(readSeeds(self.segments.get(name))) for name in segmentIds}
        jobs = propagationJobs(places, choice.options())
        if not jobs:
            self._display.showMessage("Click the object on one slice first.", True)
        elif self._sender.connect():
            self._sender.openVolume()
            self._effect.saveStateForUndo()
            self._propagation.start(self._sender.controller, self.current.known, jobs)

    def cancel(self) -> None:
        """Stop the propagation; what has arrived is kept."""
        self._propagation.cancel()

    def abandon(self) -> None:
        """Stop the propagation and write nothing more."""
        self._propagation.abandon()

    def volumeChanged(self) -> None:
        """Another volume, or other voxels of it; seeds stay where they are in the patient."""
        self.abandon()
        self.results.previews.clear()
        if self.seeding.seeds():
            text = "The volume has changed under the seeds: check them, then press Propagate again."
            self._display.showMessage(text, True)

    def forgetRemovedSegments(self) -> None:
        """Segments were removed: nothing more is done for them."""
        gone = self.results.segmentIds() - set(self.segments.ids())
        if gone and self.running:
            self.abandon()
        for segmentId in gone:
            self.results.forget(segmentId)
            self._sender.forget(segmentId)

    def _writeChecked(self, segmentId: str, labelmap, remove: bool) -> None:
        if self.segments.get(segmentId) is not None:
            self._write(segmentId, labelmap, remove)

    def _contentOf(self, segmentId: str):
        """The part of the grid in which a segment may have voxels; None for nowhere."""
        segment = self.segments.get(segmentId)
        labelmap = None if segment is None else segment.GetRepresentation("Binary labelmap")
        if labelmap is None or not labelmap.GetNumberOfPoints():
            return None
        return self.current.known.partOf(labelmap)

    # Listener of the controller

    def onPreview(self, mask) -> None:
        """A prompted slice was answered."""
        self.results.putPreview(mask)
        self._previewGrid = self.current.known
        found = "Press Propagate; or correct the outline first, with more clicks or a box."
        nothing = "Nothing was found here: click again, or draw a box."
        self._display.showMessage(found if mask.mask.size else nothing)
        self._display.redraw()

    def onMask(self, mask) -> None:
        """A slice of the propagation has come."""
        if self._propagation.onMask(mask):
            self.results.put(mask)

    def onProgress(self, done: int, total: int) -> None:
        """The propagation got on."""
        self._propagation.onProgress(done, total)

    def onFinished(self, outcome: str) -> None:
        """One job ended."""
        if outcome == "finished":
            self.results.previews.clear()
        self._propagation.onFinished(outcome)

    def onError(self, message: str) -> None:
        """A request failed."""
        self._display.showMessage(message, True)

    def _onBackendState(self) -> None:
        """Say where the user looks what the backend is doing."""
        if self._manager.stateText == "stopped" and self.running:
            self._sender.backendIsLost()
            self._propagation.fail()
            self._display.showMessage("The backend was stopped: press Propagate to start it again.", True)
        elif self._manager.failure:
            self._sender.backendIsLost()
            self._propagation.fail()
            self._display.showMessage(self._manager.failure, True)
        elif self._manager.stateText in BACKEND_AT_WORK:
            self._display.showMessage(f"The backend is {self._manager.stateText}…")
        else:
            self._display.showMessage("")
