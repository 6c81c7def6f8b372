"""What the user is told while nothing is wrong: what is being waited for, or what to do next."""

from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from ..backend.BackendManager import BackendManager, BackendState
from .BackendRequests import BackendRequests

if TYPE_CHECKING:
    from .EffectLogic import EffectLogic


class Hints:
    """Looks at the logic's parts when asked.

    Attributes:
        note: what was just undone or redone; said in front of all else until the user goes on.
    """

    def __init__(self, manager: BackendManager, logic: "EffectLogic", requests: BackendRequests):
        self._manager = manager
        self._logic = logic
        self._requests = requests
        self.note = ""

    def text(self) -> str:
        """What is being waited for, else what to do next."""
        if self._requests.awaited or self._logic.running:
            return f"{self.note} {self._awaited()}".lstrip()
        return self.next()

    def _awaited(self) -> str:
        state = self._manager.state
        if state is BackendState.RESTORING:
            return _("MedSAM2 was lost and is brought back…")
        if state is BackendState.CONNECTING and self._manager.settings.serverUrl:
            return _("Connecting to the server…")
        if state in (BackendState.STARTING, BackendState.CONNECTING):
            return _("Starting MedSAM2…")
        if self._logic.throughTime.running:
            return self._logic.throughTime.text()
        if self._requests.sent is not None:
            return _("Sending the volume… {percent} %").format(percent=round(100 * self._requests.sent))
        if self._requests.held:
            return _("Propagating. What you have changed meanwhile counts after this run.")
        if self._logic.running:
            return _("Propagating. Cancel keeps what has come; undo takes it back.")
        return _("Finding the outline…")

    def next(self) -> str:
        """What to do next with the selected segment."""
        return f"{self.note} {self._next()}".lstrip()

    def _next(self) -> str:
        if self._logic.editor.selected is None:
            return _("Add a segment first (green plus above).")
        preview = self._logic.preview()
        if not self._logic.editor.keepsChanges:
            return _(
                "What you do to this segmentation is forgotten when another time point is shown: tick Save "
                "changes for it in the module Sequences."
            )
        if not self._logic.seeding.seeds():
            return _("Click the object in a slice view.")
        if preview is None:
            return _("Press Propagate; or add seeds on any slice first.")
        if preview.mask.is_empty:
            return _("Nothing was found here: click again, or draw a box.")
        if self._logic.running:
            return _("The new outline is used when you propagate again after this run.")
        return _("Press Propagate; or correct the outline first, with more clicks or a box.")
