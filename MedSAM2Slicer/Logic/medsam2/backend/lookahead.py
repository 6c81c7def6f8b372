"""While the user thinks: encode the slices that are likely to be asked for next."""

from collections.abc import Iterator

from medsam2.tracking import Tracker, View

from .interruption import Interruption


class Lookahead:
    """Encodes slices outward from one slice, nearest first, as far as the cache holds them.

    Args:
        budget: bytes of the tracker's feature cache. It is filled to two thirds at most, so that nothing
            that is in use is dropped for what may be used.
    """

    def __init__(self, budget: int):
        self._budget = budget * 2 // 3
        self._tracker: Tracker | None = None
        self._view: View | None = None
        self._plan: Iterator[tuple[int, View]] = iter(())
        self._next: tuple[int, View] | None = None

    @property
    def waiting(self) -> bool:
        """Whether there is something to encode."""
        return self._next is not None

    def stop(self) -> None:
        """Encode nothing more."""
        self._tracker, self._view, self._plan, self._next = None, None, iter(()), None

    def leave(self, tracker: Tracker) -> None:
        """Encode nothing more for a tracker."""
        if tracker is self._tracker:
            self.stop()

    def look_from(self, tracker: Tracker, slice_index: int, view: View | None = None) -> None:
        """Encode outward from a slice: in ``view``, else in the one before, else whole slices."""
        slices = tracker.slices
        known = self._view if tracker is self._tracker else None
        view = view or known or View.whole(slices.shape(slice_index), slices.spacing)
        self._tracker, self._view = tracker, view
        self._plan = ((index, view) for index in outward(slice_index, slices.count))
        self._advance()

    def step(self, interruption: Interruption) -> None:
        """Encode one image.

        Raises:
            Interrupted: real work came; the image will be encoded another time.
        """
        index, view = self._next
        with interruption.watching(self._tracker.network):
            self._tracker.encode(index, view)
        self._advance()

    def _advance(self) -> None:
        features = self._tracker.features
        pending = (item for item in self._plan if item not in features)
        self._next = next(pending, None) if features.used_bytes < self._budget else None


def outward(start: int, count: int) -> Iterator[int]:
    """All of ``count`` slices, nearest to ``start`` first."""
    yield start
    for distance in range(1, count):
        for index in (start + distance, start - distance):
            if 0 <= index < count:
                yield index
