"""While the user thinks: encode the slices that are likely to be asked for next."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from medsam2.prompt import Prompt
from medsam2.tracking import FieldOfView, Tracker
from medsam2.tracking.feature_cache import FeatureCache
from medsam2.tracking.field_of_view_choice import candidate_fields_of_view
from medsam2.tracking.slice_network import inference

from .interruption import Interruption

Image = tuple[FeatureCache, int, FieldOfView]
"""Which features are to be made: of a slice in a field of view."""


@dataclass
class _Plan:
    """What is to be encoded for one tracker, in the field of view of the prompt or slice it began with.

    What a click may need next comes first, and may drop what was encoded long ago.
    """

    tracker: Tracker
    field_of_view: FieldOfView
    images: Iterator[Image]
    first: Iterator[Image] = field(default_factory=lambda: iter(()))


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

    def look_at(self, tracker: Tracker, slice_index: int, point: tuple[float, float] | None = None) -> None:
        """Encode a slice that the user looks at, then outward.

        In the field of view of the prompt before, if there is one. First the whole slice, which a first click
        anywhere on it looks at to choose a field of view; and where the user points at a row and column, the
        other fields of view that a click there looks at.

        Raises:
            InputError: the user cannot point there.
        """
        grid = tracker.slices.grid(slice_index)
        whole = FieldOfView.whole(grid)
        tried = [whole]
        if point is not None:
            click = Prompt(slice_index, ((*point, True),))
            click.check(tracker.slices.count, grid)
            tried = candidate_fields_of_view(click, grid)
        before = self._plan
        shown = before.field_of_view if before is not None and before.tracker is tracker else whole
        first = ((tracker.choice_features, slice_index, each) for each in tried)
        self._begin(_Plan(tracker, shown, _outward_images(tracker, slice_index, shown), first))

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
        images = plan.first
        if plan.tracker.features.used_bytes < self._budget:
            images = chain(plan.first, plan.images)
        self._next = next((image for image in images if image[1:] not in image[0]), None)


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
