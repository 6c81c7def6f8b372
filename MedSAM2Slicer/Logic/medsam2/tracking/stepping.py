"""Tracking from slice to slice: the objects on one slice, after the slices before it."""

from collections.abc import Iterable

from medsam2.model.segmentation_network import MaskPrediction

from .feature_cache import sorting_key
from .field_of_view import FieldOfView
from .field_of_view_choice import following_field_of_view
from .mask_rules import near_neighbour
from .memory_bank import MemoryEntry, Selection
from .prompting import Prompting
from .slice_mask import SliceMask
from .slice_network import SliceNetwork, inference
from .tracked_object import TrackedObject

Tracked = tuple[str, MemoryEntry, Selection]
"""An object's name, its answer, and what it looked at."""


class Stepping:
    """Answers slices.

    Args:
        seen: network that tracks, with the slices.
        prompting: corrects by negative clicks that wait on a slice.
        connected: drop parts of a mask that are out of reach of the mask on the slice before.
    """

    def __init__(self, seen: SliceNetwork, prompting: Prompting, connected: bool):
        self._seen = seen
        self._network = seen.network
        self._slices = seen.slices
        self._prompting = prompting
        self._connected = connected

    def answer(self, objects: dict[str, TrackedObject], index: int, reverse: bool) -> dict[str, SliceMask]:
        """Answer one slice for several objects, those of one field of view and like memories in one batch.

        Args:
            objects: by name; each is prompted on the slice, or has an answer on the one before.
            index: the slice.
            reverse: whether tracking comes from above.
        """
        shape = self._slices.grid(index).shape
        with inference(self._network):
            answers = {
                name: SliceMask.from_entry(name, target.entries[index], shape)
                for name, target in objects.items()
                if index in target.prompts
            }
            waiting = {name: target for name, target in objects.items() if name not in answers}
            tracked = [
                (name, self._corrected(waiting[name], entry, reverse), selection)
                for batch in self._batches(waiting, index, reverse)
                for name, entry, selection in self._step(waiting, batch, index, reverse)
            ]
            answers |= {name: SliceMask.from_entry(name, entry, shape) for name, entry, _ in tracked}
        # Last: a slice that fails, or is interrupted, leaves all objects as they were.
        for target in objects.values():
            target.reversed[index] = reverse
        for name, entry, selection in tracked:
            objects[name].take_tracked(entry)
            objects[name].release_memories(selection.entries)
        return {name: answers[name] for name in objects}

    def _corrected(self, target: TrackedObject, entry: MemoryEntry, reverse: bool) -> MemoryEntry:
        """What tracking brings to a slice, after the negative clicks that wait there."""
        prompt = target.background.get(entry.slice_index)
        return entry if prompt is None else self._prompting.correct(target, prompt, entry, reverse)

    def _batches(
        self, objects: dict[str, TrackedObject], index: int, reverse: bool
    ) -> Iterable[tuple[FieldOfView, dict[str, Selection]]]:
        """Group objects by field of view and by the shape of their memories."""
        groups: dict[tuple, tuple[FieldOfView, dict[str, Selection]]] = {}
        for name, target in objects.items():
            field_of_view = self._following(target, index, reverse)
            query = sorting_key(self._seen.features.get(index, field_of_view))
            selection = target.bank.select(index, reverse, self._slices.count, query)
            distances = tuple(distance for _, distance in selection.pointers)
            # Weighted memories are an object's own, so each of those makes a batch by itself.
            alone = None if selection.log_weights is None else name
            key = (field_of_view, len(selection.entries), tuple(selection.time_index or ()), distances, alone)
            groups.setdefault(key, (field_of_view, {}))[1][name] = selection
        return groups.values()

    def _following(self, target: TrackedObject, index: int, reverse: bool) -> FieldOfView:
        """The field of view for a slice: that of the neighbour that tracking comes from, moved if need be."""
        grid = self._slices.grid(index)
        if target.whole_slices:
            return FieldOfView.whole(grid)
        before = target.neighbour(index, reverse)
        return following_field_of_view(before.field_of_view, before.mask(grid.shape), grid)

    def _step(
        self,
        objects: dict[str, TrackedObject],
        batch: tuple[FieldOfView, dict[str, Selection]],
        index: int,
        reverse: bool,
    ) -> list[Tracked]:
        field_of_view, selections = batch
        features = self._seen.features.get(index, field_of_view)
        conditioned = self._seen.conditioned(features, list(selections.values()), field_of_view)
        prediction = self._network.decode(features, conditioned)
        key = sorting_key(features)
        answers = []
        for row, (name, selection) in enumerate(selections.items()):
            single = MaskPrediction(*(part[row : row + 1] for part in prediction))
            entry = MemoryEntry.predicted(index, field_of_view, single, key, prompted=False)
            if self._connected:
                before = objects[name].neighbour(index, reverse)
                entry.logits = near_neighbour(
                    entry.logits, field_of_view, before.logits, before.field_of_view
                )
            answers.append((name, entry, selection))
        return answers
