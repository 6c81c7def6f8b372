"""The self-sorting memory bank of MedSAM-2 (Zhu et al. 2024, section 3.2).

It keeps confident and mutually dissimilar memories, whatever their order, and weights them by their
similarity to the current image. Where the paper and the released code differ, this follows the paper;
see ``docs/self_sorting.md``.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from medsam2.errors import InputError
from medsam2.model.config import NetworkConfig

from .memory_bank import MemoryEntry, Selection

SMALLEST_SIMILARITY = 1e-3
"""Cosines at or below zero count as this much in a memory's weight; the paper leaves them undefined."""
TIE = 1e-5
"""Summed dissimilarities this close are equal: those of equal images differ by rounding, which depends on
the order of arrival."""


@dataclass(frozen=True)
class SelfSortingMemory:
    """Settings of the self-sorting bank.

    Attributes:
        capacity: K, the number of memories kept per object (16 in the released code).
        iou_threshold: predicted IoU below which a slice is not remembered (not given in the paper).
    """

    capacity: int = 16
    iou_threshold: float = 0.5

    def __post_init__(self) -> None:
        if self.capacity < 1:
            raise InputError(f"A memory bank of capacity {self.capacity} is of no use: give at least 1.")

    def bank(self, config: NetworkConfig) -> "SelfSortingBank":
        """A new, empty bank for one object."""
        return SelfSortingBank(self)


class SelfSortingBank:
    """The memories of one object. An update costs O(K d): one new row of the similarity matrix.

    Prompted slices are always admitted and never dropped.
    """

    def __init__(self, settings: SelfSortingMemory):
        self.settings = settings
        self.entries: list[MemoryEntry] = []
        self._similarity = torch.zeros(0, 0)

    def add(self, entry: MemoryEntry) -> None:
        """Admit a slice if it is confident, and drop the most redundant memory if there are too many."""
        self.forget(entry.slice_index)
        is_unsure = entry.iou < self.settings.iou_threshold or entry.object_score <= 0
        if entry.prompted or not is_unsure:
            self._admit(entry)

    def forget(self, slice_index: int) -> None:
        """Forget a slice."""
        for position, entry in enumerate(self.entries):
            if entry.slice_index == slice_index:
                self._remove(position)
                return

    def forget_tracked(self) -> None:
        """Forget all slices that were only tracked."""
        for entry in [entry for entry in self.entries if not entry.prompted]:
            self.forget(entry.slice_index)

    def select(self, slice_index: int, reverse: bool, count: int, query: Tensor) -> Selection:
        """The memories of other slices, unordered and without pointers, weighted for the current image."""
        # Its own earlier answer would only confirm a slice that is being corrected.
        others = [entry for entry in self.entries if entry.slice_index != slice_index]
        if not others:
            return Selection(others)
        keys = torch.stack([entry.key.cpu() for entry in others])
        similarity = (keys @ query.cpu()).clamp(min=SMALLEST_SIMILARITY)
        return Selection(others, log_weights=(similarity / similarity.sum()).log())

    def dissimilarity(self) -> Tensor:
        """D of every memory, (N,): the sum of 1 - cosine to all others."""
        return (1 - self._similarity).sum(dim=1) - (1 - self._similarity).diagonal()

    def most_redundant(self) -> int:
        """The slice of the memory that is least unlike all others."""
        return self.entries[self._most_redundant(list(range(len(self.entries))))].slice_index

    def _keys(self) -> Tensor:
        return torch.stack([entry.key.cpu() for entry in self.entries])

    def _admit(self, entry: MemoryEntry) -> None:
        """Take in a memory; of K + 1 keep the K of largest D."""
        self._append(entry)
        candidates = [position for position, kept in enumerate(self.entries) if not kept.prompted]
        # More prompted slices than the capacity all stay.
        if len(self.entries) > self.settings.capacity and candidates:
            self._remove(self._most_redundant(candidates))

    def _append(self, entry: MemoryEntry) -> None:
        self.entries.append(entry)
        row = self._keys() @ entry.key.cpu()
        count = len(self.entries)
        grown = torch.empty(count, count)
        grown[:-1, :-1] = self._similarity
        grown[-1] = grown[:, -1] = row
        self._similarity = grown

    def _remove(self, position: int) -> None:
        others = [other for other in range(len(self.entries)) if other != position]
        self.entries.pop(position)
        self._similarity = self._similarity[others][:, others]

    def _most_redundant(self, candidates: list[int]) -> int:
        """Of these positions the one of least D; ties go by the slice, not by the order of arrival."""
        scores = self.dissimilarity().tolist()
        least = min(scores[position] for position in candidates)
        tied = [position for position in candidates if scores[position] <= least + TIE]
        return min(tied, key=lambda position: self.entries[position].slice_index)
