"""The self-sorting memory bank of MedSAM-2 (Zhu et al. 2024, section 3.2).

It keeps confident and mutually dissimilar memories, whatever their order, and weights them by their
similarity to the current image. Where the paper and the released code differ, this follows the paper;
see ``docs/self_sorting.md``.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from medsam2.errors import InputError
from medsam2.model.config import NetworkConfig

from .memory_bank import MemoryEntry, Selection

SMALLEST_SIMILARITY = 1e-3
"""Cosines at or below zero count as this much when resampling; the paper leaves them undefined."""
TIE = 1e-5
"""Summed dissimilarities this close are equal: those of equal images differ by rounding, which depends on
the order of arrival."""
SWAP_MARGIN = 0.1
"""How much less confident a newcomer may be than the memory it replaces (released code)."""


@dataclass(frozen=True)
class SelfSortingMemory:
    """Settings of the self-sorting bank.

    Attributes:
        capacity: K, the number of memories kept per object (16 in the released code).
        iou_threshold: predicted IoU below which a slice is not remembered (not given in the paper).
        update: ``"topk"`` keeps the K of largest summed dissimilarity (paper); ``"swap"`` is the rule of
            the released code: the newcomer takes the place of the redundant neighbour of the memory
            that is least like it; ``"recent"`` keeps the K admitted last, whatever they show: the bank
            without its sorting, as in the paper's ablation (table 3).
        resample: ``"paper"`` draws K memories with replacement, by similarity to the current image;
            ``"expected"`` weights attention by the same probabilities instead, so that results repeat;
            ``"none"`` uses every memory once.
        protect_prompts: prompted slices are always admitted and never dropped.
        seed: of the draws.
    """

    capacity: int = 16
    iou_threshold: float = 0.5
    update: Literal["topk", "swap", "recent"] = "topk"
    resample: Literal["paper", "expected", "none"] = "expected"
    protect_prompts: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.capacity < 1:
            raise InputError(f"A memory bank of capacity {self.capacity} is of no use: give at least 1.")

    def bank(self, config: NetworkConfig) -> "SelfSortingBank":
        """A new, empty bank for one object."""
        return SelfSortingBank(self)


class SelfSortingBank:
    """The memories of one object. An update costs O(K d): one new row of the similarity matrix."""

    def __init__(self, settings: SelfSortingMemory):
        self.settings = settings
        self.entries: list[MemoryEntry] = []
        self._similarity = torch.zeros(0, 0)
        self._generator = torch.Generator().manual_seed(settings.seed)

    def add(self, entry: MemoryEntry) -> None:
        """Admit a slice if it is confident, and drop the most redundant memory if there are too many."""
        self.forget(entry.slice_index)
        kept_anyway = entry.prompted and self.settings.protect_prompts
        if not kept_anyway and (entry.iou < self.settings.iou_threshold or entry.object_score <= 0):
            return
        is_full = len(self.entries) >= self.settings.capacity
        if is_full and self.settings.update == "swap" and not kept_anyway:
            self._swap(entry)
            return
        self._append(entry)
        if is_full:
            self._drop_one()

    def forget(self, slice_index: int) -> None:
        """Forget a slice."""
        for place, entry in enumerate(self.entries):
            if entry.slice_index == slice_index:
                self._remove(place)
                return

    def forget_tracked(self) -> None:
        """Forget all slices that were only tracked."""
        for entry in [entry for entry in self.entries if not entry.prompted]:
            self.forget(entry.slice_index)

    def select(self, slice_index: int, reverse: bool, count: int, query: Tensor) -> Selection:
        """The memories of other slices, unordered and without pointers, weighted for the current image."""
        # Its own earlier answer would only confirm a slice that is being corrected.
        others = [entry for entry in self.entries if entry.slice_index != slice_index]
        mode = self.settings.resample
        if mode == "none" or not others:
            return Selection(others)
        probability = self.probabilities(query, others)
        if mode == "expected":
            return Selection(others, log_weights=probability.log())
        draws = torch.multinomial(
            probability, self.settings.capacity, replacement=True, generator=self._generator
        )
        # A memory drawn n times weighs as much as n copies of it: add log n to its attention logits.
        times = torch.bincount(draws, minlength=len(others)).float()
        drawn = times.nonzero()[:, 0].tolist()
        return Selection([others[place] for place in drawn], log_weights=times[drawn].log())

    @staticmethod
    def probabilities(query: Tensor, entries: list[MemoryEntry]) -> Tensor:
        """p of every memory for an image described by ``query`` (d,): its share of the similarities."""
        keys = torch.stack([entry.key.cpu() for entry in entries])
        similarity = (keys @ query.cpu()).clamp(min=SMALLEST_SIMILARITY)
        return similarity / similarity.sum()

    def dissimilarity(self) -> Tensor:
        """D of every memory, (N,): the sum of 1 - cosine to all others."""
        return (1 - self._similarity).sum(dim=1) - (1 - self._similarity).diagonal()

    def _keys(self) -> Tensor:
        return torch.stack([entry.key.cpu() for entry in self.entries])

    def _append(self, entry: MemoryEntry) -> None:
        self.entries.append(entry)
        row = self._keys() @ entry.key.cpu()
        count = len(self.entries)
        grown = torch.empty(count, count)
        grown[:-1, :-1] = self._similarity
        grown[-1] = grown[:, -1] = row
        self._similarity = grown

    def _remove(self, place: int) -> None:
        others = [other for other in range(len(self.entries)) if other != place]
        self.entries.pop(place)
        self._similarity = self._similarity[others][:, others]

    def _is_protected(self, place: int) -> bool:
        return self.settings.protect_prompts and self.entries[place].prompted

    def _drop_one(self) -> None:
        """Of K + 1 memories drop the oldest, or keep the K of largest D."""
        candidates = [place for place in range(len(self.entries)) if not self._is_protected(place)]
        if not candidates:
            return  # more prompted slices than the capacity: people's prompts are never dropped
        self._remove(candidates[0] if self.settings.update == "recent" else self._most_redundant(candidates))

    def _most_redundant(self, candidates: list[int]) -> int:
        """Of these the place of least D; ties go by the slice, not by the order of arrival."""
        scores = self.dissimilarity().tolist()
        least = min(scores[place] for place in candidates)
        tied = [place for place in candidates if scores[place] <= least + TIE]
        return min(tied, key=lambda place: self.entries[place].slice_index)

    def _swap(self, entry: MemoryEntry) -> None:
        to_new = self._keys() @ entry.key.cpu()
        farthest = int(to_new.argmin())
        neighbours = self._similarity[farthest].clone()
        neighbours[farthest] = -torch.inf
        for place in range(len(self.entries)):
            if self._is_protected(place):
                neighbours[place] = -torch.inf
        redundant = int(neighbours.argmax())
        is_more_diverse = to_new[farthest] < neighbours[redundant]
        is_confident = entry.iou > self.entries[redundant].iou - SWAP_MARGIN
        if is_more_diverse and is_confident:
            self._remove(redundant)
            self._append(entry)
