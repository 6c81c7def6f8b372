"""While the user thinks: encode the slices that are likely to be asked for next."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from medsam2.tracking import FieldOfView, Tracker
from medsam2.tracking.feature_cache import FeatureCache
from medsam2.tracking.slice_network import inference

from .interruption import Interruption

Image = tuple[FeatureCache, int, FieldOfView]
"""Which features are to be made: of a slice in a field of view."""


@dataclass
class _Plan:
    """What is to be encoded for one tracker, in the field of view of the prompt or slice it began with."""

    tracker: Tracker
    field_of_view: FieldOfView
    images: Iterator[Image]


class Lookahead:
    """Encodes slices outward from one slice, nearest first, as far as the cache holds them.

    Args:
        budget: bytes of the tracker's feature cache. It is filled to two thirds at most, so that nothing
            that is in use is dropped for what may be used.
    """

    def __init__(self, budget: int):
        self._budget = budget * 2 // 3
        self._plan: _Plan | None = None
        self._next: Image | None = None

    @property
    def waiting(self) -> bool:
        """Whether there is something to encode."""
        return self._next is not None

    def stop(self) -> None:
        """Encode nothing more."""
        self._plan = self._next = None

    def leave(self, tracker: Tracker) -> None:
        """Encode nothing more for a tracker."""
        if self._plan is not None and tracker is self._plan.tracker:
            self.stop()

    def look_from(self, tracker: Tracker, slice_index: int, field_of_view: FieldOfView) -> None:
        """Encode outward from a slice that was prompted in ``field_of_view``: it may be tracked next."""
        self._begin(_Plan(tracker, field_of_view, _outward_images(tracker, slice_index, field_of_view)))

    def look_at(self, tracker: Tracker, slice_index: int) -> None:
        """Encode a slice that the user looks at, then outward.

        In the field of view of the prompt before, if there is one. First the whole slice, which a first click
        anywhere on it looks at to choose a field of view.
        """
        whole = FieldOfView.whole(tracker.slices.grid(slice_index))
        before = self._plan
        shown = before.field_of_view if before is not None and before.tracker is tracker else whole
        first = (tracker.choice_features, slice_index, whole)
        self._begin(_Plan(tracker, shown, chain([first], _outward_images(tracker, slice_index, shown))))

    def step(self, interruption: Interruption) -> None:
        """Encode one image.

        Raises:
            Interrupted: real work came; the image will be encoded another time.
        """
        if self._plan is None or self._next is None:
            return
        features, index, field_of_view = self._next
        with interruption.watching(features.network), inference(features.network):
            features.get(index, field_of_view)
        self._begin(self._plan)

    def _begin(self, plan: _Plan) -> None:
        """Follow a plan from its next image on that is not encoded yet."""
        self._plan = plan
        pending = (image for image in plan.images if image[1:] not in image[0])
        has_room = plan.tracker.features.used_bytes < self._budget
        self._next = next(pending, None) if has_room else None


def _outward_images(tracker: Tracker, start: int, field_of_view: FieldOfView) -> Iterator[Image]:
    features = tracker.features
    return ((features, index, field_of_view) for index in outward(start, tracker.slices.count))


def outward(start: int, count: int) -> Iterator[int]:
    """All of ``count`` slices, nearest to ``start`` first."""
    yield start
    for distance in range(1, count):
        for index in (start + distance, start - distance):
            if 0 <= index < count:
                yield index
