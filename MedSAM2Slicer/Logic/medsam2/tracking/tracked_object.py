"""What tracking knows of one object."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count, takewhile

from medsam2.prompt import Prompt

from .field_of_view import FieldOfView
from .memory_bank import MemoryBank, MemoryEntry
from .slice_mask import SliceMask


@dataclass(eq=False)
class TrackedObject:
    """One object: its prompts and answers by slice, and its memory bank."""

    bank: MemoryBank
    whole_slices: bool
    """Whether the person wants whole slices shown, rather than a field of view that follows the object."""
    prompts: dict[int, Prompt] = field(default_factory=dict)
    """What was said on slices that lead tracking, or end it."""
    background: dict[int, Prompt] = field(default_factory=dict)
    """Negative clicks on other slices: they correct what tracking brings there, each time anew."""
    entries: dict[int, MemoryEntry] = field(default_factory=dict)
    reversed: dict[int, bool] = field(default_factory=dict)
    """For tracked slices, whether tracking came from above."""
    outdated: set[int] = field(default_factory=set)
    """Tracked slices that what was said since may change."""

    def take(self, prompt: Prompt, entry: MemoryEntry | None) -> None:
        """Store what was said on a slice, and the answer; without one, what was said waits for tracking."""
        index = prompt.slice_index
        if entry is None and index not in self.prompts:
            self.background[index] = prompt
        elif entry is not None or self.prompts[index].mask is None:
            self.prompts[index] = prompt
            self.background.pop(index, None)
        if entry is not None:
            self.remember(entry)

    def take_tracked(self, entry: MemoryEntry) -> None:
        """Store what tracking brought to a slice; where negative clicks emptied it, tracking ends there."""
        if entry.prompted:
            self.take(self.background[entry.slice_index], entry)
        else:
            self.remember(entry)

    def answer(self, name: str, slice_index: int, shape: tuple[int, int]) -> SliceMask | None:
        """The mask that a slice of ``shape`` has so far; None where it was never answered."""
        entry = self.entries.get(slice_index)
        return None if entry is None else SliceMask.from_entry(name, entry, shape)

    def remember(self, entry: MemoryEntry) -> None:
        """Store an answer, in place of an earlier one on the same slice.

        A slice that a person emptied ends tracking, but is no memory: networks learn to look at what came
        before a slice, and take one from beyond the end as proof that the object is gone already.
        """
        index = entry.slice_index
        self.entries[index] = entry
        self.outdated.discard(index)
        if index in self.prompts and not self.is_shown(index):
            self.bank.forget(index)
        else:
            self.bank.add(entry)

    @property
    def remembered_bytes(self) -> int:
        """Memory that prompts and answers take; of encoded memories, those of prompted slices are kept."""
        if not self.entries:
            return 0
        # All entries of one network are of one size; this is asked for after every slice.
        each = next(iter(self.entries.values())).bytes
        given = [mask for entry in self.entries.values() for mask in (entry.painted, entry.allowed)]
        painted = [len(mask.bits) for mask in given if mask is not None]
        memories = [self.entries[index].memory for index in self.prompts]
        kept = [memory.nbytes for memory in memories if memory is not None]
        return len(self.entries) * each + sum(painted) + sum(kept)

    def is_tracked(self, slice_index: int) -> bool:
        """Whether a slice has an answer that still holds."""
        return slice_index in self.entries and slice_index not in self.outdated

    def is_found(self, slice_index: int) -> bool:
        """Whether a slice's answer shows any of the object."""
        return bool((self.entries[slice_index].logits > 0).any())

    def is_shown(self, slice_index: int) -> bool:
        """Whether a prompted slice shows the object, rather than that it is not there."""
        return self.prompts[slice_index].shows_object or self.is_found(slice_index)

    def said(self, slice_index: int) -> Prompt | None:
        """All that was said on a slice."""
        return self.prompts.get(slice_index) or self.background.get(slice_index)

    def track_anew(self) -> None:
        """What was tracked so far is no memory any more."""
        self.bank.forget_tracked()
        self.outdated.update(index for index in self.entries if index not in self.prompts)

    def neighbour(self, slice_index: int, reverse: bool) -> MemoryEntry:
        """The answer on the slice that tracking comes from."""
        return self.entries[slice_index + 1 if reverse else slice_index - 1]

    def stayed(self, slice_index: int, reverse: bool, field_of_view: FieldOfView) -> int:
        """On how many slices in a row, just before this one, it was seen in a field of view."""
        step = 1 if reverse else -1
        before = (self.entries.get(index) for index in count(slice_index + step, step))
        alike = takewhile(lambda entry: entry is not None and entry.field_of_view == field_of_view, before)
        return sum(1 for _ in alike)

    def last_found(self, slice_index: int, reverse: bool) -> MemoryEntry:
        """The nearest answer that shows the object, on the way from a prompted slice to this one.

        The neighbour's answer where none of them shows it.
        """
        found = before = self.neighbour(slice_index, reverse)
        while not self.is_found(found.slice_index) and found.slice_index not in self.prompts:
            on_way = self.entries.get(found.slice_index + (1 if reverse else -1))
            if on_way is None:
                return before
            found = on_way
        return found

    def forget(self, slice_index: int) -> None:
        """Drop everything known of a slice."""
        self.prompts.pop(slice_index, None)
        self.background.pop(slice_index, None)
        self.drop_answer(slice_index)

    def drop_answer(self, slice_index: int) -> None:
        """Drop the answer on a slice."""
        self.entries.pop(slice_index, None)
        self.reversed.pop(slice_index, None)
        self.outdated.discard(slice_index)
        self.bank.forget(slice_index)

    def release_memories(self, in_use: Sequence[MemoryEntry]) -> None:
        """Drop encoded memories that the last slice did not look at; they are made anew when needed."""
        wanted = {id(entry) for entry in in_use}
        for entry in self.entries.values():
            if not entry.prompted and id(entry) not in wanted:
                entry.memory = None
