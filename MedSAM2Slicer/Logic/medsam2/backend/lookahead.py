"""While the user thinks: encode the slices that are likely to be asked for next."""

from collections.abc import Iterator
from itertools import chain

from medsam2.tracking import FieldOfView, Tracker
from medsam2.tracking.feature_cache import FeatureCache
from medsam2.tracking.inference import inference

from .interruption import Interruption

Image = tuple[FeatureCache, int, FieldOfView]
"""Which features are to be made: of a slice in a field of view."""


class Lookahead:
    """Encodes slices outward from one slice, nearest first, as far as the cache holds them.

    Args:
        budget: bytes of the tracker's feature cache. It is filled to two thirds at most, so that nothing
            that is in use is dropped for what may be used.
    """

    def __init__(self, budget: int):
        self._budget = budget * 2 // 3
        self._tracker: Tracker | None = None
        self._field_of_view: FieldOfView | None = None
        self._plan: Iterator[Image] = iter(())
        self._next: Image | None = None

    @property
    def waiting(self) -> bool:
        """Whether there is something to encode."""
        return self._next is not None

    def stop(self) -> None:
        """Encode nothing more."""
        self._tracker, self._field_of_view, self._plan, self._next = None, None, iter(()), None

    def leave(self, tracker: Tracker) -> None:
        """Encode nothing more for a tracker."""
        if tracker is self._tracker:
            self.stop()

    def look_from(self, tracker: Tracker, slice_index: int, field_of_view: FieldOfView) -> None:
        """Encode outward from a slice that was prompted in ``field_of_view``: it may be tracked next."""
        self._tracker, self._field_of_view = tracker, field_of_view
        self._plan = self._outward(slice_index)
        self._advance()

    def look_at(self, tracker: Tracker, slice_index: int) -> None:
        """Encode a slice that the user looks at, then outward; in the last prompt's field of view, if any.

        First the whole slice for the choice of a field of view, which a first click anywhere on it looks at.
        """
        whole = FieldOfView.whole(tracker.slices.shape(slice_index), tracker.slices.spacing)
        if tracker is not self._tracker or self._field_of_view is None:
            self._field_of_view = whole
        self._tracker = tracker
        first = (tracker.choice_features, slice_index, whole)
        self._plan = chain([first], self._outward(slice_index))
        self._advance()

    def _outward(self, start: int) -> Iterator[Image]:
        features, field_of_view = self._tracker.features, self._field_of_view
        return ((features, index, field_of_view) for index in outward(start, self._tracker.slices.count))

    def step(self, interruption: Interruption) -> None:
        """Encode one image.

        Raises:
            Interrupted: real work came; the image will be encoded another time.
        """
        features, index, field_of_view = self._next
        with interruption.watching(features.network), inference(features.network):
            features.get(index, field_of_view)
        self._advance()

    def _advance(self) -> None:
        pending = (image for image in self._plan if image[1:] not in image[0])
        has_room = self._tracker.features.used_bytes < self._budget
        self._next = next(pending, None) if has_room else None


def outward(start: int, count: int) -> Iterator[int]:
    """All of ``count`` slices, nearest to ``start`` first."""
    yield start
    for distance in range(1, count):
        for index in (start + distance, start - distance):
            if 0 <= index < count:
                yield index
