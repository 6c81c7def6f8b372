"""Tracking: prompts on slices become masks through all of them."""

from collections.abc import Iterator, Sequence
from typing import get_args

from medsam2.errors import InputError
from medsam2.model.config import NetworkConfig
from medsam2.model.segmentation_network import SegmentationNetwork
from medsam2.prompt import Prompt
from medsam2.propagation_options import Direction, PropagationOptions
from medsam2.protocol.messages import FieldOfViewChoice, Memory
from medsam2.slice_grid import Axis
from medsam2.volume import Slices, VolumeSlices

from .field_of_view import FieldOfView
from .field_of_view_choice import FieldOfViewChooser, check_side
from .mask_rules import is_hit
from .memory_bank import MemoryBank, NoBank, TemporalMemory
from .memory_stepping import MemoryStepping
from .prompting import Prompting
from .self_sorting import SelfSortingMemory
from .slice_mask import SliceMask
from .slice_network import SliceNetwork, inference
from .slice_walker import SliceWalker
from .sweeps import sweeps, task, way_in
from .tracked_object import TrackedObject

MEMORIES: dict[Memory, type[TemporalMemory | SelfSortingMemory]] = {
    "temporal": TemporalMemory,
    "self-sorting": SelfSortingMemory,
}
"""By their names in the protocol."""


class Tracker:
    """Carries objects through slices: a network that remembers by its memories, another by the mask before.

    Args:
        network: from ``medsam2.load_model``.
        slices: the slices of a volume (``VolumeSlices``) or unrelated images (``ImageSet``).
        field_of_view: ``"auto"`` chooses it on the prompted slice and follows the object,
            ``"slice"`` always shows whole slices, a number is the side in millimetres at the prompt.
        memory: ``TemporalMemory()`` (SAM 2's rule) or ``SelfSortingMemory(...)`` (MedSAM-2's); a network that
            does not remember goes without.
        connected: drop parts of a mask that are out of reach of the clicks, the box, or the mask on the
            slice before.
        absent_stop: a direction ends after so many slices without the object; None never stops.
        cache_bytes: budget of the image features kept in memory.
        on_disk: whether further ones go to a temporary file, rather than be encoded again.
        field_of_view_network: chooses the field of view in place of a large ``network``; the starter network
            is quick.
    """

    def __init__(
        self,
        network: SegmentationNetwork,
        slices: Slices,
        *,
        field_of_view: FieldOfViewChoice = "auto",
        memory: TemporalMemory | SelfSortingMemory | None = None,
        connected: bool = True,
        absent_stop: int | None = PropagationOptions.absent_stop,
        cache_bytes: int = 96 * 2**20,
        on_disk: bool = True,
        field_of_view_network: SegmentationNetwork | None = None,
    ):
        _check_field_of_view(field_of_view)
        self.network = network
        self.slices = slices
        self.field_of_view = field_of_view
        self.memory = memory or TemporalMemory()
        self.connected = connected
        self.absent_stop = absent_stop
        self._cache_bytes = cache_bytes
        self._on_disk = on_disk
        self._field_of_view_network = field_of_view_network
        self.objects: dict[str, TrackedObject] = {}
        seen = choosing = SliceNetwork(network, slices, cache_bytes, on_disk)
        if field_of_view_network is not None:
            choosing = SliceNetwork(field_of_view_network, slices, cache_bytes // 8)
        self.features = seen.features
        self.choice_features = choosing.features
        self._prompting = Prompting(seen, FieldOfViewChooser(choosing), connected)
        stepping = MemoryStepping if network.config.remembers else SliceWalker
        self._stepping = stepping(seen, self._prompting, connected)

    def prompt(
        self, object_id: str, prompt: Prompt, field_of_view: FieldOfViewChoice | None = None
    ) -> SliceMask:
        """Prompt an object on a slice; answers with that slice's mask.

        Points on a slice that was prompted before add to those that are there; on a slice that was
        tracked they correct its mask. Negative points alone that no mask lies under wait: they correct what
        tracking brings to the slice, and the answer is what is known of it, at first nothing.

        Args:
            object_id: any name; a new one starts a new object.
            prompt: what the person said.
            field_of_view: for this object from now on, in place of the tracker's; millimetres count for this
                slice, from which the field of view follows the object.

        Raises:
            InputError: the prompt does not fit the slice.
        """
        prompt.check(self.slices.count, self.slices.grid(prompt.slice_index))
        if field_of_view is not None:
            _check_field_of_view(field_of_view)
        with inference(self.network):
            return self._prompt(object_id, prompt, field_of_view)

    def propagate(
        self,
        objects: Sequence[str] | None = None,
        *,
        start: int | None = None,
        direction: Direction = "both",
        first: int = 0,
        last: int | None = None,
        whole_way: bool = False,
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
            first, last: limits of the range, both included. Tracking starts at the prompted slices all the
                same, and passes the slices on its way that were not tracked yet.
            whole_way: yield these too.

        Raises:
            InputError: an object was not shown yet, the range is empty, or start or direction do not exist.
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
            self._check_prompted(name)
        last = self.slices.count - 1 if last is None else min(last, self.slices.count - 1)
        if not 0 <= first <= last:
            raise InputError(f"The slice range {first} to {last} is empty: give the lower slice first.")
        is_prompted = all(start in self.objects[name].prompts for name in names)
        if is_prompted:
            for name in names:
                # What was tracked before a correction may be what it corrects
                # (upstream's ``clear_non_cond_mem_around_input``).
                self.objects[name].track_anew()
        if direction == "both" and not is_prompted:
            start = None
        for indices in sweeps(start, direction, first, last):
            for mask in self._sweep(names, indices, direction):
                if whole_way or mask.slice_index in indices:
                    yield mask

    def along(self, axis: Axis) -> "Tracker":
        """A tracker of the same volume along an axis, with the same settings, that knows no object."""
        assert isinstance(self.slices, VolumeSlices)
        return Tracker(
            self.network,
            VolumeSlices(self.slices.volume, axis, self.slices.window),
            field_of_view=self.field_of_view,
            memory=self.memory,
            connected=self.connected,
            absent_stop=self.absent_stop,
            cache_bytes=self._cache_bytes,
            on_disk=self._on_disk,
            field_of_view_network=self._field_of_view_network,
        )

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
    def remembered_bytes(self) -> int:
        """Memory that prompts and answers take."""
        return sum(target.remembered_bytes for target in self.objects.values())

    def _prompt(self, object_id: str, prompt: Prompt, field_of_view: FieldOfViewChoice | None) -> SliceMask:
        index, grid = prompt.slice_index, self.slices.grid(prompt.slice_index)
        target = self.objects.get(object_id)
        if target is None:
            target = TrackedObject(self._bank(), self.field_of_view == "slice")
        said = target.said(index)
        takes_away, earlier = prompt.only_takes_away, target.entries.get(index)
        if prompt.mask is None and said is not None and said.mask is None:
            prompt = prompt.joined_with(said)
            prompt.check(self.slices.count, grid)
        whole_slices = target.whole_slices if field_of_view is None else field_of_view == "slice"
        wanted = "slice" if whole_slices else field_of_view or self.field_of_view
        if not isinstance(wanted, str):
            check_side(wanted, grid)
        answer, entry = target.answer(object_id, index, grid.shape), None
        # What is kept is what was drawn: what comes later on this slice joins with that.
        known = None if answer is None else answer.mask
        told = self._prompting.told(prompt, known)
        if told.shows_object or (answer is not None and is_hit(answer.mask, told, grid)):
            keep_field_of_view = field_of_view is None and not whole_slices
            if takes_away and earlier is not None:
                entry = self._prompting.without(earlier, told)
            else:
                entry = self._prompting.answer(target, prompt, told, wanted, keep_field_of_view)
            answer = SliceMask.from_entry(object_id, entry, grid.shape)
        elif answer is None:
            answer = self._unknown(object_id, target, index)
        # Last: whatever fails before leaves the object as it was.
        self.objects[object_id] = target
        target.whole_slices = whole_slices
        target.take(prompt, entry)
        return answer

    def _bank(self) -> MemoryBank:
        config = self.network.config
        return self.memory.bank(config) if isinstance(config, NetworkConfig) else NoBank()

    def _unknown(self, name: str, target: TrackedObject, index: int) -> SliceMask:
        """No mask yet, on a slice that was never answered."""
        nearest = min(target.entries.values(), key=lambda entry: abs(entry.slice_index - index), default=None)
        whole = FieldOfView.whole(self.slices.grid(index))
        field_of_view = whole if nearest is None or target.whole_slices else nearest.field_of_view
        return SliceMask.unknown(name, index, field_of_view, self.network.config.logit_size)

    def _check_prompted(self, name: str) -> None:
        if name not in self.objects or not self.objects[name].prompts:
            is_known = name in self.objects and self.objects[name].background
            what = "has background points only" if is_known else "has no prompt yet"
            raise InputError(f"'{name}' {what}: click it on one slice first.")

    def _sweep(self, names: list[str], indices: range, direction: Direction) -> Iterator[SliceMask]:
        """Track along ``indices``; an object takes part where its prompts lead that way, until it is gone.

        Yields slices before them too, where tracking has to pass these first.
        """
        reverse = indices.step < 0
        missing = dict.fromkeys(names, 0)
        ways = {name: way_in(self.objects[name], indices, direction) for name in names}
        longest = max(ways.values(), key=lambda way: len(way))
        path = [*longest, *indices]
        for position, index in enumerate(path):
            active = {}
            for name in names:
                target, is_on_way = self.objects[name], index not in indices
                if index in target.prompts:
                    missing[name] = 0
                what = task(target, index, reverse, direction)
                if what == "track" and self._is_gone(missing[name]):
                    what = "empty"
                if is_on_way and (what != "track" or index not in ways[name]):
                    continue
                if is_on_way and target.is_tracked(index):
                    missing[name] = 0 if target.is_found(index) else missing[name] + 1
                elif what == "empty":
                    yield from self._erase(name, index)
                elif what != "leave":
                    active[name] = target
            # Where all are missing their end may have come, and images of a set are each of its own kind.
            is_ahead = not all(missing[name] for name in active) and isinstance(self.slices, VolumeSlices)
            ahead = path[position + 1 :] if is_ahead else []
            for name, mask in self._stepping.answer(active, index, reverse, ahead).items():
                missing[name] = missing[name] + 1 if mask.mask.is_empty else 0
                yield mask

    def _is_gone(self, missing: int) -> bool:
        return self.absent_stop is not None and missing >= self.absent_stop

    def _erase(self, name: str, index: int) -> Iterator[SliceMask]:
        """Empty a slice that held a mask before tracking stopped short of it; prompted slices stay."""
        target = self.objects[name]
        entry = target.entries.get(index)
        if entry is None or entry.prompted:
            return
        erased = SliceMask.from_entry(name, entry.emptied(), self.slices.grid(index).shape)
        target.drop_answer(index)
        yield erased


def _check_field_of_view(field_of_view: FieldOfViewChoice) -> None:
    if isinstance(field_of_view, str):
        if field_of_view not in ("auto", "slice"):
            raise InputError(
                f"The view '{field_of_view}' is unknown: give auto, slice, or a side in millimetres."
            )
    elif not field_of_view > 0:
        raise InputError(f"A view of {field_of_view:g} mm shows nothing: give a side above 0.")
