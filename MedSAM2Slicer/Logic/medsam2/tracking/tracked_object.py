"""What tracking knows of one object."""

from dataclasses import dataclass, field

from medsam2.volume import Prompt

from .memory_bank import MemoryBank, MemoryEntry


@dataclass(eq=False)
class TrackedObject:
    """One object: its prompts and answers by slice, and its memory bank."""

    bank: MemoryBank
    whole_slices: bool
    """Whether the person wants whole slices shown, rather than a view that follows the object."""
    prompts: dict[int, Prompt] = field(default_factory=dict)
    entries: dict[int, MemoryEntry] = field(default_factory=dict)
    reversed: dict[int, bool] = field(default_factory=dict)
    """For tracked slices, whether tracking came from above."""

    def remember(self, entry: MemoryEntry) -> None:
        """Store an answer, in place of an earlier one on the same slice.

        A slice that a person emptied ends tracking, but is no memory: networks learn to look at what came
        before a slice, and take one from beyond the end as proof that the object is gone already.
        """
        index = entry.slice_index
        self.entries[index] = entry
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
        painted = [prompt.mask.nbytes for prompt in self.prompts.values() if prompt.mask is not None]
        memories = [self.entries[index].memory for index in self.prompts]
        kept = [memory.nbytes for memory in memories if memory is not None]
        return len(self.entries) * each + sum(painted) + sum(kept)

    def is_shown(self, slice_index: int) -> bool:
        """Whether a prompted slice shows the object, rather than that it is not there."""
        is_said = self.prompts[slice_index].shows_object
        return is_said or bool((self.entries[slice_index].logits > 0).any())

    def neighbour(self, slice_index: int, reverse: bool) -> MemoryEntry | None:
        """The answer on the slice that tracking comes from."""
        return self.entries.get(slice_index + 1 if reverse else slice_index - 1)

    def forget(self, slice_index: int) -> None:
        """Drop everything known of a slice."""
        for known in (self.prompts, self.entries, self.reversed):
            known.pop(slice_index, None)
        self.bank.forget(slice_index)

    def release_memories(self, in_use: list[MemoryEntry]) -> None:
        """Drop encoded memories that the last slice did not look at; they are made anew when needed."""
        wanted = {id(entry) for entry in in_use}
        for entry in self.entries.values():
            if not entry.prompted and id(entry) not in wanted:
                entry.memory = None
