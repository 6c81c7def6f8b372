"""What the active effect does: seeds become prompts, answers become previews and voxels.

Knows MRML and the editor's adaptor, but neither widgets nor views: it tells ``display`` what changed.
"""

from typing import TYPE_CHECKING

import slicer
from slicer.i18n import tr as _

from ..backend.BackendManager import BackendState, backendManager
from ..SlicerTypes import Labelmap, ScriptedEffect
from .BackendRequests import BackendRequests, Ending
from .Display import Display
from .EditorState import EditorState
from .Hints import Hints
from .KeptReviews import KeptReviews
from .LookAhead import LookAhead
from .Propagation import Later, Propagation, propagationJobs
from .SeedEditing import SeedEditing
from .Seeds import lastSlice, writeSeeds
from .SegmentationGrid import SegmentationGrid
from .SegmentTerms import SegmentTerms, nameAlgorithm
from .SegmentWriter import Write
from .SliceResults import Confidence
from .TimePlan import TimePlan
from .TimePropagation import TimePropagation
from .Undoing import Undoing

if TYPE_CHECKING:
    from medsam2.propagation_options import PropagationOptions
    from medsam2.protocol import Mask
    from medsam2.slice_grid import Axis


class EffectLogic:
    """One activation of the effect.

    Args:
        write: through the editor, with masking.
        reviews: what is known from an earlier activation.
    """

    def __init__(
        self,
        scriptedEffect: ScriptedEffect,
        display: Display,
        write: Write,
        later: Later,
        reviews: KeptReviews,
    ):
        self._display = display
        self._write = write
        self._manager = backendManager()
        self.editor = EditorState(scriptedEffect, display)
        self._reviews = reviews
        self.results = reviews.enter(self.editor)
        self.results.show(self.editor.time)
        self._requests = BackendRequests(
            self._manager, self, lambda: self._propagation.running, lambda: not self.throughTime.running
        )
        self._hints = Hints(self._manager, self, self._requests)
        self.undoing = Undoing(
            scriptedEffect,
            self.editor,
            self._requests,
            self.results,
            lambda: self._propagation.running,
            self._onTakenUp,
            later,
        )
        self.seeding = SeedEditing(
            self.editor, self._requests, self.results, display, self.undoing.save, self._onSeedsChanged
        )
        self.terms = SegmentTerms(self.editor, self.undoing.save)
        self._propagation = Propagation(
            self._requests, display, self._writeChecked, self.editor.isCurrent, later
        )
        self.throughTime = TimePropagation(self._manager, display, self.results, later)
        self.ahead = LookAhead(
            self._manager, self.editor, self._requests, self.results, lambda: self.running, later
        )
        self._previewGrid: SegmentationGrid | None = None
        self._runsIn = ""
        self._manager.addObserver(self._onBackendState)

    def close(self) -> None:
        """Stop everything; what was streamed and not yet written is dropped."""
        self.undoing.close()
        if not self.running:  # else what has come is not all written
            self._reviews.leave(self.editor, self.results)
        self._manager.removeObserver(self._onBackendState)
        self.ahead.close()
        self._propagation.close()
        self.throughTime.close()
        self._requests.close()

    @property
    def running(self) -> bool:
        """Whether a propagation runs, is being cancelled, or is still being written."""
        return self._propagation.running or self.throughTime.running

    def preview(self) -> "Mask | None":
        """The last preview of the selected segment on the current grid, or None."""
        mask = self.results.previews.get(self.editor.selectedId)
        return mask if self.editor.grid() is self._previewGrid else None

    def confidenceAlong(self, axis: "Axis") -> Confidence:
        """Confidence of the selected segment's slices along an axis."""
        return self.results.confidence(self.editor.selectedId, axis)

    def sayHint(self) -> None:
        """Tell the user what is being waited for, or what to do next."""
        self._display.showMessage(self._hints.text())

    def interruption(self) -> tuple[str, str]:
        """What a user is told who leaves the effect now, and of which segmentation (its node's ID).

        Both are empty while nothing runs.
        """
        text = self._propagation.interruption() or self.throughTime.interruption()
        isClosed = self.editor.node is None  # as with the scene, of which the user knows
        return (text, self._runsIn) if text and not isClosed else ("", "")

    @property
    def awaitsPreview(self) -> bool:
        """Whether another preview of the selected segment is on its way."""
        return self.editor.selectedId in self._requests.awaitedIds

    # Propagation

    def propagate(self, options: "PropagationOptions", allSegments: bool) -> None:
        """Track the selected segment, or all that have seeds, through the volume."""
        grid, node = None if self.running else self.editor.grid(), self.editor.node
        if grid is None or node is None:
            return
        segmentIds = self.editor.segmentIds() if allSegments else [self.editor.selectedId]
        slices = {name: lastSlice(self.editor.seeds(name), grid) for name in segmentIds}
        jobs = propagationJobs(slices, options)
        if not jobs:
            self._display.showMessage(_("Click the object on one slice first."), True)
        elif self._requests.connect():
            self.seeding.openVolume(grid)
            self.undoing.save()
            for segmentId in (name for _axis, names, _options in jobs for name in names):
                self.undoing.beginVersion(segmentId)
                nameAlgorithm(self.editor.segment(segmentId))
            self._runsIn = node.GetID()
            self._hints.note = ""
            self._propagation.start(grid, jobs)
            self.sayHint()

    def propagateThroughTime(self, plan: TimePlan, options: "PropagationOptions") -> None:
        """Carry a segment from the time point shown to others; how far within each, the options say."""
        grid = None if self.running else self.editor.grid()
        if grid is not None:
            self.results.outdate()
            self._hints.note = ""
            self._requests.backendIsLost()  # it gets other volumes; a later click opens this one again
            self._runsIn = plan.segmentation.GetID()
            self.throughTime.start(plan, self.editor.offer(grid), options)

    def axisOf(self, segmentId: str) -> "Axis | None":
        """Along which axis a segment was prompted last; None without seeds."""
        grid = self.editor.grid()
        last = None if grid is None else lastSlice(self.editor.seeds(segmentId), grid)
        return None if last is None else last[0]

    def cancel(self) -> None:
        """Stop the propagation; what has arrived is kept, of time points what is whole."""
        self._propagation.cancel()
        self.throughTime.cancel()

    def abandon(self) -> None:
        """Stop the propagation and write nothing more."""
        self._propagation.abandon()

    def abandonIfOf(self, segmentIds: set[str]) -> bool:
        """As ``abandon``, if one of these segments is propagated; False if not."""
        isTheirs = bool(self._propagation.segmentIds & segmentIds)
        if isTheirs:
            self.abandon()
        return isTheirs

    def lookAtTime(self) -> bool:
        """Whether another time point is shown: what runs for the one before ends, as all else said of it."""
        if self.editor.time == self.results.time:
            return False
        stopped = self._propagation.running
        self.abandon()
        self._requests.forgetPreviews()
        self.results.show(self.editor.time)
        self.undoing.remember()
        self._hints.note = ""
        self._display.clearMessage()
        if stopped:
            text = _(
                "The propagation was stopped, as another time point was chosen; slices that had come: "
                "{count}. Go back to it and press Propagate to go on."
            )
            self._display.showMessage(text.format(count=self._propagation.count), True)
        else:
            self.sayHint()
        return True

    def segmentationExchanged(self) -> None:
        """Slicer shows the segments of another time point in the place of those that it has shown."""
        self.abandon()
        self.undoing.remember()

    def volumeChanged(self) -> None:
        """Another volume, other voxels of it or another grid; seeds stay where they are in the patient."""
        if self.lookAtTime():
            return
        self.abandon()
        self._requests.forgetPreviews()
        self.results.outdate()
        # When a sequence is changed Slicer copies the volume that it shows anew.
        if self.seeding.seeds() and not self.throughTime.running:
            text = _(
                "The volume or its grid has changed under the seeds: check them, then press Propagate again."
            )
            self._display.showMessage(text, True)

    def forgetRemovedSegments(self) -> None:
        """Segments were removed: nothing more is done for them."""
        known = self.results.segmentIds() | self._requests.awaitedIds
        gone = known - set(self.editor.segmentIds())
        for segmentId in gone:
            self.results.forget(segmentId)
            self._requests.forget(segmentId)
            self.undoing.forget(segmentId)
        if gone and not self.abandonIfOf(gone):
            self.sayHint()  # what was waited for may have been theirs

    def reset(self) -> None:
        """Start the selected segment anew, without seeds and voxels; undo brings both back."""
        segment, segmentId = self.editor.selected, self.editor.selectedId
        if segment is None:
            return
        if self.running:
            self.abandon()
        self.undoing.save()
        self.undoing.beginVersion(segmentId)
        writeSeeds(segment, [], self.editor.time)
        slicer.vtkSlicerSegmentationsModuleLogic.ClearSegment(self.editor.node, segmentId)
        self.results.forgetHere(segmentId)
        self._requests.forget(segmentId)
        self._onSeedsChanged()

    def _writeChecked(self, segmentId: str, gained: Labelmap | None, lost: Labelmap | None) -> None:
        if self.editor.segment(segmentId) is not None:
            self._write(segmentId, gained, lost)

    # Listener of the requests

    def onPreview(self, mask: "Mask") -> None:
        """A prompted slice was answered."""
        self.results.putPreview(mask)
        self._previewGrid = self.editor.lastGrid
        self._display.showMessage(self._hints.next())
        self._display.redraw()

    def onMask(self, mask: "Mask") -> None:
        """A slice of the propagation has come."""
        if self._propagation.onMask(mask):
            self.results.put(mask, self.results.time)

    def onOpening(self) -> None:
        """The volume is on its way."""
        self.sayHint()

    def onProgress(self, done: int, total: int) -> None:
        """The propagation got on."""
        self._propagation.onProgress(done, total)

    def onFinished(self, ending: Ending) -> None:
        """One job ended."""
        if ending == "finished":
            self.results.previews.clear()
        self._propagation.onFinished(ending)

    def _onTakenUp(self, said: str) -> None:
        """Undo or redo has happened, or else a segment has changed in another way."""
        if said:
            self._hints.note = said
            self.sayHint()
            self._display.redraw()
        else:
            self._display.showSegment()  # it may have another name or colour

    def onError(self, message: str) -> None:
        """A request failed."""
        self._display.showMessage(message, True)
        self._display.redraw()

    def _onSeedsChanged(self) -> None:
        self.undoing.remember()
        self._hints.note = ""
        self._display.redraw()
        self.sayHint()

    def _onBackendState(self) -> None:
        """Say where the user looks what the backend is doing."""
        failure, isStopped = self._manager.failure, self._manager.state is BackendState.STOPPED
        wasRunning = self.running
        if failure or isStopped:
            self._requests.backendIsLost()  # no outline comes any more
        if failure:
            self._propagation.fail()
            self._display.showMessage(failure, True, self._manager.logTail())
            self.throughTime.fail(failure, self._manager.logTail())
        elif isStopped and wasRunning:
            self._propagation.fail()
            text = _("The backend was stopped: press Propagate to start it again.")
            self._display.showMessage(text, True)
            self.throughTime.fail(_("The backend was stopped."))
        else:
            self.sayHint()
