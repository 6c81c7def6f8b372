"""What the user wants of the backend, and what came back: a state machine without Qt, VTK or MRML.

Objects are named by segment IDs, and sent as numbers. Everything that arrives is checked against the request
that asked for it, so that a cancelled or outdated answer never reaches a segment.
"""

from collections.abc import Callable
from dataclasses import replace as replaced
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from slicer.i18n import tr as _

from .HeldChanges import HeldChanges
from .ObjectNumbers import ObjectNumbers

if TYPE_CHECKING:
    from medsam2.client import PolledClient
    from medsam2.prompt import Prompt
    from medsam2.propagation_options import PropagationOptions
    from medsam2.protocol import Error, Mask, Message
    from medsam2.protocol.messages import Outcome
    from medsam2.slice_grid import Axis

    from ..backend.BackendManager import BackendManager
    from .EditorState import VolumeOffer

Ending: TypeAlias = 'Literal["failed"] | Outcome'
"""How a request ended."""


class State(Enum):
    """Of the propagation."""

    IDLE = "idle"
    RUNNING = "running"
    CANCELLING = "cancelling"


class Listener(Protocol):
    """Is told what came back."""

    def onPreview(self, mask: "Mask") -> None:
        """The mask of a prompted slice."""

    def onMask(self, mask: "Mask") -> None:
        """A slice of the running propagation."""

    def onOpening(self) -> None:
        """The volume is on its way; see ``BackendRequests.sent``."""

    def onProgress(self, done: int, total: int) -> None:
        """Slices done, of at most so many."""

    def onFinished(self, ending: Ending) -> None:
        """The propagation ended."""

    def onError(self, message: str) -> None:
        """One sentence for the user."""


class BackendRequests:
    """Sends requests to the shared backend and hands its answers to a listener.

    The backend holds one volume at a time, that of the editor that asked last; while one propagates, others
    are refused.

    Args:
        isRunning: says whether a propagation is under way, to the last of its jobs: nothing is forgotten
            meanwhile, and no other editor's volume is opened.
        mayAsk: says whether anything may be asked now.

    Attributes:
        state: of the propagation.
        held: changes that wait for its end.
        sent: share of the volume that the backend has, 0 to 1, while it is being opened; None else.
    """

    def __init__(
        self,
        manager: "BackendManager",
        listener: Listener,
        isRunning: Callable[[], bool],
        mayAsk: Callable[[], bool] = lambda: True,
    ):
        self._manager = manager
        self._listener = listener
        self.isRunning = isRunning
        self._mayAsk = mayAsk
        self._numbers = ObjectNumbers()
        self.backendIsLost()
        manager.attach(self.handle)

    def backendIsLost(self) -> None:
        """Forget all that was asked; the next request goes to a new backend."""
        self._client: PolledClient | None = None
        self._volumeKey: tuple | None = None
        self._previews: dict[int, str] = {}
        self._untold: dict[tuple[str, Axis, int], Prompt] = {}
        self.held = HeldChanges()
        self._telling = 0  # the request that says the last of what needs no answer; 0 for none
        self._job: int | None = None
        self._opening = self._latest = 0  # requests: the volume's, and the last one of all
        self._consequences = range(0)  # requests that failed since the volume could not be opened
        self.state = State.IDLE
        self.sent: float | None = None

    def close(self) -> None:
        """Stop the propagation, and take no more answers."""
        self._manager.detach(self.handle)
        self._manager.letGo(self)
        self.cancel()
        self.backendIsLost()

    def connect(self) -> bool:
        """Get hold of the backend; False if it cannot be used, or nothing may be asked of it now.

        The user is told why it cannot be used.
        """
        if not self._mayAsk():
            return False
        if self._manager.isNeededBy(self):
            text = _("Another segment editor is propagating: wait until it is done, or cancel it there.")
            self._listener.onError(text)
            return False
        # Imported at first use: choosing the effect must not wait for it.
        from medsam2.client import ClientError

        try:
            client = self._manager.client()
        except ClientError as error:
            self._listener.onError(str(error))
            return False
        if client is not self._client:
            self.backendIsLost()
            self._client = client
        return True

    @property
    def _connected(self) -> "PolledClient":
        """The client, which ``connect`` got hold of before anything was asked."""
        if self._client is None:
            raise RuntimeError("asked of a backend before connecting to it")
        return self._client

    @property
    def awaited(self) -> bool:
        """Whether the user waits for the answer to a request."""
        return bool(self._previews) or self._job is not None

    def open(self, offer: "VolumeOffer") -> None:
        """Make this the volume."""
        self._manager.hold(self)
        self.cancel()
        self._previews.clear()
        self._untold.clear()
        self.held.clear()
        self._telling = 0
        self._opening = self._latest = self._connected.open_volume(
            offer.voxels, offer.spacing, None, offer.window, offer.memory
        )
        self._volumeKey = offer.key
        self.sent = 0.0

    def volumeIsExchanged(self) -> None:
        """Another editor gives the backend its own volume; outlines that were asked for still come."""
        self._volumeKey = None
        self._untold.clear()

    def forgetPreviews(self) -> None:
        """Masks that are still to come are of slices that the user sees no longer."""
        self._previews.clear()
        if self.held:  # whoever comes back to the volume tells all of its seeds anew
            self.held.clear()
            self._volumeKey = None

    @property
    def hasVolume(self) -> bool:
        """Whether the backend has a volume."""
        return self._volumeKey is not None

    def isOpen(self, key: tuple) -> bool:
        """Whether the backend has this volume."""
        return key == self._volumeKey

    def show(self, axis: "Axis", sliceIndex: int, point: tuple[float, float] | None = None) -> None:
        """The user looks at this slice, and points at this row and column: worth encoding in advance."""
        if self.hasVolume:
            self._connected.shown(axis, sliceIndex, point)
            if point is not None:
                self._manager.hurry()  # the click may follow at once

    @property
    def awaitedIds(self) -> set[str]:
        """Objects of which the mask of a prompt is waited for."""
        return set(self._previews.values())

    def prompt(
        self,
        objectId: str,
        axis: "Axis",
        prompt: "Prompt",
        replace: bool,
        fieldOfView: float | None = None,
    ) -> None:
        """Ask for the mask of a slice.

        Args:
            objectId, axis, prompt: what is said of which object; where it is empty nothing is asked.
            replace: in place of what was said of the slice, once no propagation runs; else in addition.
            fieldOfView: side in millimetres of what the network looks at; None for the object's.
        """
        where = objectId, axis, prompt.slice_index
        if replace:
            self._untold.pop(where, None)
            if self.isRunning():
                ask = partial(self.prompt, objectId, axis, prompt, replace, fieldOfView)
                self.held.ofSlice(objectId, where[1:], ask)
                return
            self._latest = self._connected.forget(self._numbers.of(objectId), *where[1:])
        if prompt.is_empty:
            return
        self._latest = self._connected.prompt(self._numbers.of(objectId), axis, prompt, fieldOfView)
        self._previews[self._latest] = objectId

    def tell(self, objectId: str, axis: "Axis", prompts: "list[Prompt]") -> None:
        """Say of many slices what needs no answer: one by one, so that clicks come in between."""
        for prompt in prompts:
            index = prompt.slice_index
            if self.held.holds(objectId, (axis, index)):
                self.held.ofSlice(objectId, (axis, index), partial(self.tell, objectId, axis, [prompt]))
            else:
                self._untold[objectId, axis, index] = prompt
        self._tellNext()

    def _tellNext(self) -> None:
        if self._untold and not self._telling:
            (objectId, axis, _index), prompt = next(iter(self._untold.items()))
            del self._untold[objectId, axis, prompt.slice_index]
            self._latest = self._telling = self._connected.prompt(self._numbers.of(objectId), axis, prompt)

    def forget(self, objectId: str) -> None:
        """Forget an object, as when its segment is deleted; once no propagation runs."""
        self._previews = {request: name for request, name in self._previews.items() if name != objectId}
        self._untold = {where: prompt for where, prompt in self._untold.items() if where[0] != objectId}
        if self.isRunning():
            self.held.ofObject(objectId, partial(self.forget, objectId))
        elif self.hasVolume:
            self._latest = self._connected.forget(self._numbers.of(objectId))

    def askHeld(self) -> None:
        """Ask what was held back, now that nothing runs; of a volume that is gone there is nothing to ask."""
        if self.hasVolume:
            self.held.release()
        else:
            self.held.clear()

    def propagate(self, axis: "Axis", objects: list[str], options: "PropagationOptions") -> None:
        """Track objects along an axis."""
        if self._job is not None:
            return
        for (objectId, along, _index), prompt in self._untold.items():
            self._connected.prompt(self._numbers.of(objectId), along, prompt)
        self._untold.clear()
        numbers = [self._numbers.of(objectId) for objectId in objects]
        self._job = self._latest = self._connected.propagate(axis, numbers, options)
        self.state = State.RUNNING

    def cancel(self) -> bool:
        """Stop the propagation; nothing of it is handed on from now on. False if none runs."""
        if self.state is not State.RUNNING or self._job is None:
            return False
        self._connected.cancel(self._job)
        self.state = State.CANCELLING
        return True

    def handle(self, message: "Message") -> None:
        """Take one message from the backend."""
        if self._client is None:
            return
        from medsam2.protocol import Done, Error, Mask, Progress  # the client has loaded it by now

        if isinstance(message, Mask):
            self._onMask(message)
        elif isinstance(message, Progress) and message.id == self._job and self.state is State.RUNNING:
            self._listener.onProgress(message.done, message.total)
        elif isinstance(message, Progress) and message.id == self._opening:
            self.sent = message.done / max(message.total, 1)
            self._listener.onOpening()
        elif isinstance(message, Done):
            self._onEnd(message.id, message.outcome)
        elif isinstance(message, Error):
            self._onError(message)

    def _onMask(self, mask: "Mask") -> None:
        hand = None
        if self._previews.pop(mask.id, None) is not None:  # with it the wait is over, its end may come later
            hand = self._listener.onPreview
        elif mask.id == self._job and self.state is State.RUNNING:
            hand = self._listener.onMask
        if hand is not None:
            hand(replaced(mask, object_id=self._numbers.segmentId(mask.object_id)))

    def _onEnd(self, request: int, ending: Ending) -> None:
        self._previews.pop(request, None)
        if request == self._opening:
            self.sent = None
            self._listener.onOpening()
        if request == self._telling:
            self._telling = 0
            self._tellNext()
        if request == self._job:
            self._job = None
            self.state = State.IDLE
            self._listener.onFinished(ending)

    def _onError(self, error: "Error") -> None:
        if error.id in (self._opening, self._telling):
            self._untold.clear()  # they would fail for the same reason
        if error.id == self._opening:
            self._volumeKey = None
            self._consequences = range(error.id + 1, self._latest + 1)
        if error.code in ("no_volume", "expired"):
            self._volumeKey = None  # sent again with the next click
        self._onEnd(error.id, "failed")
        if error.id not in self._consequences:  # the reason was said already
            message = self._numbers.withIds(error.message)
            self._listener.onError(f"{message} {error.hint}".strip())
