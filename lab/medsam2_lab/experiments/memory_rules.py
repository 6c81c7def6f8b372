"""Rules of the self-sorting memory bank that lost to the one users have, to measure against it.

Each differs from ``SelfSortingBank`` in one thing; see ``docs/lab/self_sorting.md``.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from medsam2.model.config import NetworkConfig
from medsam2.tracking import SelfSortingMemory
from medsam2.tracking.memory_bank import MemoryEntry, Selection
from medsam2.tracking.self_sorting import SelfSortingBank

SWAP_MARGIN = 0.1
"""How much less confident a newcomer may be than the memory it replaces (released code)."""


@dataclass(frozen=True, kw_only=True)
class OtherRule(SelfSortingMemory):
    """Settings of a bank with another rule.

    Attributes:
        rule: its class.
    """

    rule: type[SelfSortingBank]

    def bank(self, config: NetworkConfig) -> SelfSortingBank:
        """A new, empty bank for one object."""
        return self.rule(self)


class EqualWeightsBank(SelfSortingBank):
    """Every memory counts alike, whatever the current image shows."""

    def select(self, slice_index: int, reverse: bool, count: int, query: Tensor) -> Selection:
        """The memories of other slices, without weights."""
        return replace(super().select(slice_index, reverse, count, query), log_weights=None)


class LatestBank(EqualWeightsBank):
    """The K admitted last, whatever they show: the bank without its sorting, as in the paper's table 3."""

    def _most_redundant(self, candidates: list[int]) -> int:
        return candidates[0]


class DrawnBank(SelfSortingBank):
    """K memories drawn with replacement, by similarity to the current image (paper)."""

    def __init__(self, settings: SelfSortingMemory):
        super().__init__(settings)
        self._generator = torch.Generator().manual_seed(0)

    def select(self, slice_index: int, reverse: bool, count: int, query: Tensor) -> Selection:
        """The memories that were drawn, each with the logarithm of how often."""
        selection = super().select(slice_index, reverse, count, query)
        if selection.log_weights is None:
            return selection
        draws = torch.multinomial(
            selection.log_weights.exp(), self.settings.capacity, replacement=True, generator=self._generator
        )
        # A memory drawn n times weighs as much as n copies of it: add log n to its attention logits.
        times = torch.bincount(draws, minlength=len(selection.entries)).float()
        drawn = times.nonzero()[:, 0].tolist()
        return Selection([selection.entries[index] for index in drawn], log_weights=times[drawn].log())


class SwapBank(SelfSortingBank):
    """The rule of the released code: the newcomer replaces the neighbour of the memory least like it."""

    def _admit(self, entry: MemoryEntry) -> None:
        if entry.prompted or len(self.entries) < self.settings.capacity:
            super()._admit(entry)
            return
        to_new = self._keys() @ entry.key.cpu()
        farthest = int(to_new.argmin())
        neighbours = self._similarity[farthest].clone()
        neighbours[farthest] = -torch.inf
        for position, kept in enumerate(self.entries):
            if kept.prompted:
                neighbours[position] = -torch.inf
        redundant = int(neighbours.argmax())
        is_more_diverse = to_new[farthest] < neighbours[redundant]
        is_confident = entry.iou > self.entries[redundant].iou - SWAP_MARGIN
        if is_more_diverse and is_confident:
            self._remove(redundant)
            self._append(entry)
