"""From slice to slice with a network that remembers: it looks at the memories of slices before."""

from collections.abc import Iterable, Iterator

from .feature_cache import sorting_key
from .field_of_view import FieldOfView
from .memory_bank import Selection
from .stepping import Stepping, Tracked, singles
from .tracked_object import TrackedObject


class MemoryStepping(Stepping):
    """Answers slices by what each object's memory bank selects, objects of like memories in one batch."""

    def _step(
        self, objects: dict[str, TrackedObject], field_of_view: FieldOfView, index: int, reverse: bool
    ) -> Iterator[Tracked]:
        features = self._seen.features.get(index, field_of_view)
        key = sorting_key(features)
        selections = {
            name: target.bank.select(index, reverse, self._slices.count, key)
            for name, target in objects.items()
        }
        for batch in _batches(selections):
            conditioned = self._seen.conditioned(features, list(batch.values()), field_of_view)
            predictions = singles(self._network.decode(features, conditioned))
            for (name, selection), prediction in zip(batch.items(), predictions, strict=True):
                lead = objects[name].neighbour(index, reverse)
                yield name, self._entry(prediction, index, field_of_view, key, lead), selection.entries


def _batches(selections: dict[str, Selection]) -> Iterable[dict[str, Selection]]:
    """Group objects by the shape of their memories."""
    groups: dict[tuple, dict[str, Selection]] = {}
    for name, selection in selections.items():
        distances = tuple(distance for _, distance in selection.pointers)
        # Weighted memories are an object's own, so each of those makes a batch by itself.
        alone = None if selection.log_weights is None else name
        key = (len(selection.entries), tuple(selection.time_index or ()), distances, alone)
        groups.setdefault(key, {})[name] = selection
    return groups.values()
