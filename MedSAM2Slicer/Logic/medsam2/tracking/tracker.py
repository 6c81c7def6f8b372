"""Tracking: prompts on slices become masks through all of them."""

from collections.abc import Iterator, Sequence
from typing import get_args

from medsam2.errors import InputError
from medsam2.model.network import MaskPrediction, MedSAM2
from medsam2.protocol import ABSENT_STOP
from medsam2.volume import Prompt, Slices

from .connected import near_neighbour
from .course import Direction, sweeps, task
from .feature_cache import FeatureCache, sorting_key
from .inference import inference
from .memory_bank import MemoryEntry, Selection, TemporalMemory
from .memory_encoding import MemoryEncoding
from .prompting import Prompting
from .self_sorting import SelfSortingMemory
from .slice_mask import SliceMask
from .tracked_object import TrackedObject
from .view import View
from .view_choice import following_view
from .view_chooser import ViewChooser


class Tracker:
    """Carries objects through slices.

    Args:
        network: from ``medsam2.load_model``.
        slices: the slices of a volume (``VolumeSlices``) or unrelated images (``ImageSet``).
        view: field of view: ``"auto"`` chooses it on the prompted slice and follows the object,
            ``"slice"`` always shows whole slices, a number is the side in millimetres at the prompt.
        memory: ``TemporalMemory()`` (SAM 2's rule) or ``SelfSortingMemory(...)`` (MedSAM-2's).
        connected: drop parts of a mask that are out of reach of the clicks, the box, or the mask on the
            slice before.
        absent_stop: a direction ends after so many slices without the object; None never stops.
        cache_bytes: budget of the kept image features.
        view_network: chooses the view in place of a large ``network``; the starter network is quick.
    """

    def __init__(
        self,
        network: MedSAM2,
        slices: Slices,
        *,
        view: str | float = "auto",
        memory: TemporalMemory | SelfSortingMemory | None = None,
        connected: bool = True,
        absent_stop: int | None = ABSENT_STOP,
        cache_bytes: int = 512 * 2**20,
        view_network: MedSAM2 | None = None,
    ):
        _check_view(view)
        self.network = network
        self.slices = slices
        self.view = view
        self.memory = memory or TemporalMemory()
        self.connected = connected
        self.absent_stop = absent_stop
        self.features = FeatureCache(network, slices, cache_bytes)
        self.objects: dict[str, TrackedObject] = {}
        self._memories = MemoryEncoding(network, self.features)
        chooser_features = self.features
        if view_network is not None:
            chooser_features = FeatureCache(view_network, slices, cache_bytes // 8)
        self._chooser = ViewChooser(view_network or network, slices, chooser_features)
        self._prompting = Prompting(network, slices, self.features, self._memories, self._chooser, connected)

    def prompt(self, object_id: str, prompt: Prompt, view: str | float | None = None) -> SliceMask:
        """Prompt an object on a slice; answers with that slice's mask.

        Points on a slice that was prompted before add to those that are there; on a slice that was
        tracked they correct its mask.

        Args:
            object_id: any name; a new one starts a new object.
            prompt: what the person said.
            view: field of view for this object from now on, in place of the tracker's; millimetres count
                for this slice, from which the view follows the object.

        Raises:
            InputError: the prompt does not fit the slice.
        """
        prompt.check(self.slices.count, self.slices.shape(prompt.slice_index))
        if view is not None:
            _check_view(view)
        with inference(self.network):
            return self._prompt(object_id, prompt, view)

    def propagate(
        self,
        objects: Sequence[str] | None = None,
        *,
        start: int | None = None,
        direction: Direction = "both",
        first: int = 0,
        last: int | None = None,
    ) -> Iterator[SliceMask]:
        """Track objects outward from their prompted slices, yielding masks slice by slice.

        A slice between two prompted ones is tracked from the nearer, or from the one that shows the object;
        beyond a slice where a person said that there is nothing, there is nothing up to the next prompt.
        Prompted slices are answered with their own masks. A slice that is never yielded is empty; a
        slice whose earlier mask no longer holds, since tracking now stops before it, is yielded empty.

        Args:
            objects: which; all when not given.
            start: the slice to start from. Where all objects are prompted on it they are tracked anew: only
                prompted slices are remembered. Another slice counts in one direction only.
            direction: up, down, or first up and then down.
            first, last: limits of the range, both included.

        Raises:
            InputError: an object has no prompt, the range is empty, or start or direction do not exist.
        """
        if direction not in get_args(Direction):
            raise InputError(
                f"The direction '{direction}' is unknown: give {', '.join(get_args(Direction))}."
            )
        if start is not None and not 0 <= start < self.slices.count:
            raise InputError(f"Slice {start} does not exist: start from 0 to {self.slices.count - 1}.")
        names = list(self.objects if objects is None else objects)
        if not names:
            raise InputError("There is no object to track: click one on a slice first.")
        for name in names:
            if name not in self.objects or not self.objects[name].prompts:
                raise InputError(f"'{name}' has no prompt yet: click it on one slice first.")
        last = self.slices.count - 1 if last is None else min(last, self.slices.count - 1)
        if not 0 <= first <= last:
            raise InputError(f"The slice range {first} to {last} is empty: give the lower slice first.")
        is_prompted = all(start in self.objects[name].prompts for name in names)
        if is_prompted:
            for name in names:
                # What was tracked before a correction may be what it corrects
                # (upstream's ``clear_non_cond_mem_around_input``).
                self.objects[name].bank.forget_tracked()
        if direction == "both" and not is_prompted:
            start = None
        for indices in sweeps(start, direction, first, last):
            yield from self._sweep(names, indices, direction)

    def forget(self, object_id: str, slice_index: int | None = None) -> None:
        """Forget an object, or what is known of it on one slice."""
        if slice_index is None:
            self.objects.pop(object_id, None)
        elif object_id in self.objects:
            self.objects[object_id].forget(slice_index)

    def free_features(self) -> None:
        """Drop all image features; they are made again when needed."""
        self.features.clear()
        self.choice_features.clear()

    @property
    def choice_features(self) -> FeatureCache:
        """Features that the choice of a view looks at: ``features``, or those of the ``view_network``."""
        return self._chooser.features

    @property
    def remembered_bytes(self) -> int:
        """Memory that prompts and answers take."""
        return sum(target.remembered_bytes for target in self.objects.values())

    def _prompt(self, object_id: str, prompt: Prompt, view: str | float | None) -> SliceMask:
        index = prompt.slice_index
        known = self.objects.get(object_id)
        target = known or TrackedObject(self.memory.bank(self.network.config), self.view == "slice")
        if prompt.mask is None and index in target.prompts and target.prompts[index].mask is None:
            prompt = prompt.joined_with(target.prompts[index])
        whole_slices = target.whole_slices if view is None else view == "slice"
        wanted = "slice" if whole_slices else view or self.view
        entry = self._prompting.answer(target, prompt, wanted, keep_view=view is None and not whole_slices)
        answer = self._prompted_answer(object_id, prompt, entry)
        # Last: whatever fails before leaves the object as it was.
        self.objects[object_id] = target
        target.whole_slices = whole_slices
        target.prompts[index] = prompt
        target.remember(entry)
        return answer

    def _sweep(self, names: list[str], indices: range, direction: Direction) -> Iterator[SliceMask]:
        """Track along ``indices``; an object takes part where its prompts lead that way, until it is gone."""
        reverse = indices.step < 0
        missing = dict.fromkeys(names, 0)
        for index in indices:
            active = []
            for name in names:
                target = self.objects[name]
                if index in target.prompts:
                    missing[name] = 0
                what = task(target, index, reverse, direction)
                if what == "empty" or (what == "track" and self._is_gone(missing[name])):
                    yield from self._erase(name, index)
                elif what != "leave":
                    active.append(name)
            for name, mask in self._track(active, index, reverse).items():
                missing[name] = 0 if mask.mask.size else missing[name] + 1
                yield mask

    def _is_gone(self, missing: int) -> bool:
        return self.absent_stop is not None and missing >= self.absent_stop

    def _erase(self, name: str, index: int) -> Iterator[SliceMask]:
        """Empty a slice that held a mask before tracking stopped short of it; prompted slices stay."""
        target = self.objects[name]
        entry = target.entries.get(index)
        if entry is None or entry.prompted:
            return
        erased = SliceMask.from_entry(name, entry.emptied(), self.slices.shape(index))
        target.forget(index)
        yield erased

    def _track(self, names: list[str], index: int, reverse: bool) -> dict[str, SliceMask]:
        """Answer one slice for several objects, those of one view and like memories in one batch."""
        answers: dict[str, SliceMask] = {}
        shape = self.slices.shape(index)
        with inference(self.network):
            for name in names:
                target = self.objects[name]
                if index in target.prompts:
                    answers[name] = self._prompted_answer(name, target.prompts[index], target.entries[index])
            waiting = [name for name in names if name not in answers]
            tracked = [
                answer
                for batch in self._batches(waiting, index, reverse)
                for answer in self._step(batch, index, reverse)
            ]
            answers |= {name: SliceMask.from_entry(name, entry, shape) for name, entry, _ in tracked}
        # Last: a slice that fails, or is interrupted, leaves all objects as they were.
        for name in names:
            self.objects[name].reversed[index] = reverse
        for name, entry, selection in tracked:
            self.objects[name].remember(entry)
            self.objects[name].release_memories(selection.entries)
        return {name: answers[name] for name in names}

    def _prompted_answer(self, name: str, prompt: Prompt, entry: MemoryEntry) -> SliceMask:
        if prompt.mask is not None:
            return SliceMask.given(name, entry, prompt.mask)
        return SliceMask.from_entry(name, entry, self.slices.shape(prompt.slice_index))

    def _batches(self, names: list[str], index: int, reverse: bool):
        """Group objects by view and by the shape of their memories: [(view, {name: selection})]."""
        groups: dict[tuple, tuple[View, dict[str, Selection]]] = {}
        for name in names:
            view = self._following(self.objects[name], index, reverse)
            query = sorting_key(self.features.get(index, view))
            selection = self.objects[name].bank.select(index, reverse, self.slices.count, query)
            distances = tuple(distance for _, distance in selection.pointers)
            key = (view, len(selection.entries), tuple(selection.time_index or ()), distances)
            if selection.log_weights is not None:
                key += (name,)
            groups.setdefault(key, (view, {}))[1][name] = selection
        return groups.values()

    def _following(self, target: TrackedObject, index: int, reverse: bool) -> View:
        """The view for a slice: that of the neighbour that tracking comes from, moved if need be."""
        came_from = target.neighbour(index, reverse)
        if came_from is None:
            came_from = min(target.entries.values(), key=lambda entry: abs(entry.slice_index - index))
        shape, spacing = self.slices.shape(index), self.slices.spacing
        if target.whole_slices:
            return View.whole(shape, spacing)
        return following_view(SliceMask.from_entry("", came_from, shape), shape, spacing)

    def _step(
        self, batch: tuple[View, dict[str, Selection]], index: int, reverse: bool
    ) -> list[tuple[str, MemoryEntry, Selection]]:
        """Track a batch of objects onto a slice: their entries, and what they looked at."""
        view, selections = batch
        features = self.features.get(index, view)
        count = len(selections)
        s16 = features.s16.expand(count, -1, -1, -1)
        conditioned = self.network.condition(s16, self._memories.for_network(list(selections.values()), view))
        prediction = self.network.decode(features, conditioned)
        key = sorting_key(features)
        answers = []
        for place, (name, selection) in enumerate(selections.items()):
            single = MaskPrediction(*(part[place : place + 1] for part in prediction[:4]), None)
            entry = MemoryEntry.predicted(index, view, single, key, prompted=False)
            before = self.objects[name].neighbour(index, reverse)
            if self.connected and before is not None:
                entry.logits = near_neighbour(entry.logits, view, before.logits, before.view)
            answers.append((name, entry, selection))
        return answers


def _check_view(view: str | float) -> None:
    if isinstance(view, str):
        if view not in ("auto", "slice"):
            raise InputError(f"The view '{view}' is unknown: give auto, slice, or a side in millimetres.")
    elif not view > 0:
        raise InputError(f"A view of {view:g} mm shows nothing: give a side above 0.")
