"""From slice to slice: the objects on one slice, after the slices before it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from torch import Tensor

from medsam2.model.segmentation_network import MaskPrediction

from .field_of_view import FieldOfView
from .field_of_view_choice import following_field_of_view
from .mask_rules import near_neighbour
from .memory_bank import MemoryEntry
from .prompting import Prompting
from .slice_mask import SliceMask
from .slice_network import SliceNetwork, inference
from .tracked_object import TrackedObject

Tracked = tuple[str, MemoryEntry, Sequence[MemoryEntry]]
"""An object's name, its answer, and the memories that it looked at."""
Groups = dict[FieldOfView, dict[str, TrackedObject]]
"""Objects by name, by their field of view."""


class Stepping(ABC):
    """Answers slices. What leads an object from one to the next depends on the network.

    Args:
        seen: network that answers, with the slices.
        prompting: corrects by negative clicks that wait on a slice.
        connected: drop parts of a mask that are out of reach of the mask on the slice before.
    """

    def __init__(self, seen: SliceNetwork, prompting: Prompting, connected: bool):
        self._seen = seen
        self._network = seen.network
        self._slices = seen.slices
        self._prompting = prompting
        self._connected = connected

    def answer(
        self, objects: dict[str, TrackedObject], index: int, reverse: bool, ahead: Sequence[int] = ()
    ) -> dict[str, SliceMask]:
        """Answer one slice for several objects, those of one field of view together.

        Args:
            objects: by name; each is prompted on the slice, or has an answer on the one before.
            index: the slice.
            reverse: whether tracking comes from above.
            ahead: slices of the same size that are likely to be next.
        """
        shape = self._slices.grid(index).shape
        with inference(self._network):
            answers = {
                name: SliceMask.from_entry(name, target.entries[index], shape)
                for name, target in objects.items()
                if index in target.prompts
            }
            waiting = {name: target for name, target in objects.items() if name not in answers}
            groups = self._groups(waiting, index, reverse)
            self._encode(groups, index, reverse, ahead)
            tracked = [
                (name, self._corrected(waiting[name], entry, reverse), in_use)
                for field_of_view, group in groups.items()
                for name, entry, in_use in self._step(group, field_of_view, index, reverse)
            ]
            answers |= {name: SliceMask.from_entry(name, entry, shape) for name, entry, _ in tracked}
        # Last: a slice that fails, or is interrupted, leaves all objects as they were.
        for target in objects.values():
            target.reversed[index] = reverse
        for name, entry, in_use in tracked:
            objects[name].take_tracked(entry)
            objects[name].release_memories(in_use)
        return {name: answers[name] for name in objects}

    def _encode(self, groups: Groups, index: int, reverse: bool, ahead: Sequence[int]) -> None:
        """Encode together what is missing of a slice and of those after it.

        For how many slices a field of view stayed, so many ahead it is taken to stay.
        """
        features = self._seen.features
        stayed = {
            each: min(target.stayed(index, reverse, each) for target in group.values())
            for each, group in groups.items()
            if (index, each) not in features
        }
        keys = [
            (other, each)
            for distance, other in enumerate([index, *ahead[: features.at_once]])
            for each, slices in stayed.items()
            if distance <= slices
        ]
        # No more: what does not find room beside these is encoded when it is asked for.
        features.get_several(keys[: features.at_once])

    @abstractmethod
    def _step(
        self, objects: dict[str, TrackedObject], field_of_view: FieldOfView, index: int, reverse: bool
    ) -> Iterator[Tracked]:
        """The answers of objects that are seen in one field of view."""

    def _entry(
        self,
        prediction: MaskPrediction,
        index: int,
        field_of_view: FieldOfView,
        key: Tensor,
        lead: MemoryEntry,
    ) -> MemoryEntry:
        """What a network answered for one object, kept near the slice that leads to this one."""
        entry = MemoryEntry.predicted(index, field_of_view, prediction, key, prompted=False)
        if self._connected:
            entry.logits = near_neighbour(entry.logits, field_of_view, lead.logits, lead.field_of_view)
        return entry

    def _corrected(self, target: TrackedObject, entry: MemoryEntry, reverse: bool) -> MemoryEntry:
        """What tracking brings to a slice, after the negative clicks that wait there."""
        prompt = target.background.get(entry.slice_index)
        return entry if prompt is None else self._prompting.correct(target, prompt, entry, reverse)

    def _groups(self, objects: dict[str, TrackedObject], index: int, reverse: bool) -> Groups:
        groups: Groups = {}
        for name, target in objects.items():
            groups.setdefault(self._following(target, index, reverse), {})[name] = target
        return groups

    def _following(self, target: TrackedObject, index: int, reverse: bool) -> FieldOfView:
        """The field of view for a slice: that of the neighbour that tracking comes from, moved if need be."""
        grid = self._slices.grid(index)
        if target.whole_slices:
            return FieldOfView.whole(grid)
        before = target.neighbour(index, reverse)
        return following_field_of_view(before.field_of_view, before.mask(grid.shape), grid)


def singles(prediction: MaskPrediction) -> list[MaskPrediction]:
    """Each answer of a batch by itself."""
    parts = (part.split(1) for part in prediction)
    return [MaskPrediction(*single) for single in zip(*parts, strict=True)]
