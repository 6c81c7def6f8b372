"""Keeps the backend informed: which volume, which seeds, which slice is looked at."""

from typing import TYPE_CHECKING

from .Seeds import Seed, readSeeds

if TYPE_CHECKING:
    from .BackendRequests import BackendRequests


class PromptSender:
    """Sends seeds as prompts, and the volume before them where the backend does not have it.

    Args:
        manager: ``BackendManager``.
        current: ``CurrentGrid``.
        segments: ``EditorSegments``.
        listener: of the ``BackendRequests``.
        display: told why the backend cannot be used.

    Attributes:
        controller: ``BackendRequests``; None before the first request.
    """

    def __init__(self, manager, current, segments, listener, display):
        self._manager = manager
        self._current = current
        self._segments = segments
        self._listener = listener
        self._display = display
        self.controller: BackendRequests | None = None

    def prompt(self, seed: Seed, replace: bool, view: float | None = None) -> None:
        """Send what is said of a seed's slice: the seed alone, or all of the slice's seeds anew.

        Args:
            view: side in millimetres of what the network looks at; None for the object's.
        """
        prompts = self._current.prompts if self._current.get() is not None else None
        where = None if prompts is None else prompts.sliceOf(seed)
        if where is None or not self.connect():
            return
        if self.openVolume() and view is None:
            return  # this seed was sent with all others
        seeds = readSeeds(self._segments.selected) if replace else [seed]
        together = [each for each in seeds if prompts.sliceOf(each) == where]
        self.controller.prompt(prompts.promptOf(self._segments.selectedId, where, together, view), replace)

    def connect(self) -> bool:
        """Get hold of the backend; False, with a sentence for the user, if it cannot be used."""
        # Imported at first use: choosing the effect must not wait for it.
        from medsam2.client import ClientError

        from .BackendRequests import BackendRequests

        try:
            client = self._manager.client()
        except ClientError as error:
            self._display.showMessage(str(error), True)
            return False
        if self.controller is None or self.controller.client is not client:
            self.controller = BackendRequests(client, self._listener)
        return True

    def openVolume(self) -> bool:
        """Make the backend know the volume as it is now, and all seeds; False if it does already."""
        if self.controller.isOpen(self._current.key):
            return False
        self.controller.open(self._current.offer())
        self._sendEarlierSeeds()
        return True

    def _sendEarlierSeeds(self) -> None:
        """Seeds that were placed before the volume was sent, as after a scene was loaded."""
        prompts = self._current.prompts
        for segmentId in self._segments.ids():
            for where, seeds in prompts.bySlice(readSeeds(self._segments.get(segmentId))).items():
                self.controller.prompt(prompts.promptOf(segmentId, where, seeds), replace=False)

    def show(self, ras, normal) -> None:
        """The user looks at a slice: the backend may encode it meanwhile."""
        grid = self._current.known
        if self.controller is None or grid is None:
            return
        axis = grid.axisOf(normal)
        place = grid.place(ras, axis)
        if place is not None:
            self.controller.show(axis, place.sliceIndex)

    def forget(self, segmentId: str) -> None:
        """Nothing more is asked of a segment."""
        if self.controller is not None:
            self.controller.forget(segmentId)

    def handle(self, message) -> None:
        """Take a message of the backend."""
        if self.controller is not None:
            self.controller.handle(message)

    def backendIsLost(self) -> None:
        """The next request goes to a new backend."""
        self.controller = None

    def close(self) -> None:
        """Take no more answers."""
        if self.controller is not None:
            self.controller.reset()
