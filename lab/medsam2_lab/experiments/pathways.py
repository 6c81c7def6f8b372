"""Several hypotheses of an object, carried from slice to slice: the rule of SAM2Long (Ding et al. 2024).

Written from the paper (arXiv 2410.16268). Every pathway has its own memories; on each slice it branches into
the decoder's candidates, and the branches whose predicted IoUs have the largest sum of logarithms survive.
The answer is the best pathway at the end of a sweep. Memory attention is not weighted by the object score, a
part of the paper that changes the weights by a twentieth.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch

from medsam2.model.mask_decoder import Candidates
from medsam2.model.network import MedSAM2
from medsam2.model.segmentation_network import ABSENT_LOGIT, MaskPrediction
from medsam2.prompt import Prompt
from medsam2.tracking import SliceMask, Tracker
from medsam2.tracking.feature_cache import sorting_key
from medsam2.tracking.field_of_view_choice import following_field_of_view
from medsam2.tracking.mask_rules import near_neighbour
from medsam2.tracking.memory_bank import MemoryEntry
from medsam2.tracking.slice_network import SliceNetwork, inference
from medsam2_lab.experiments.gated_memory import GatedBank, GatedMemory

CERTAIN = 2.0
"""Where an object score is farther from 0, branches survive by their sums alone."""
CONFIDENT = GatedMemory(0.1, reach=14)
SINGLE, THREE = (0,), (1, 2, 3)
"""The decoder's mask for settled objects, and those for ambiguous ones."""


@dataclass(frozen=True)
class Pathways:
    """Settings.

    Attributes:
        count: pathways that survive a slice.
        memory: of each.
        unsure: pathways branch where the predicted IoU of the single mask is below this, and take the single
            mask elsewhere; 1 branches everywhere.
        with_single: the single mask is a candidate too where a pathway branches.
    """

    count: int = 3
    memory: GatedMemory = CONFIDENT
    unsure: float = 1.0
    with_single: bool = False


@dataclass(eq=False)
class Pathway:
    """One hypothesis: the sum of its log IoUs, its answers by slice, its memories."""

    score: float
    entries: dict[int, MemoryEntry]
    bank: GatedBank

    def grown(self, entry: MemoryEntry) -> "Pathway":
        """A branch with one more answer."""
        bank = self.bank.copy()
        bank.add(entry)
        score = self.score + math.log(entry.iou + 1e-5)
        return Pathway(score, self.entries | {entry.slice_index: entry}, bank)


class PathwayTracker:
    """Tracks one object from one prompted slice.

    Args:
        tracker: answers the prompt and keeps the image features, with SAM 2's network; its ``absent_stop``
            ends a sweep.
        settings: of the pathways.
    """

    def __init__(self, tracker: Tracker, settings: Pathways):
        assert isinstance(tracker.network, MedSAM2)
        self._tracker = tracker
        self._network = tracker.network
        self._slices = tracker.slices
        self._seen = SliceNetwork(tracker.network, tracker.slices, 0)
        self._seen.features = tracker.features
        self._settings = settings

    def segment(self, name: str, prompt: Prompt) -> Iterator[SliceMask]:
        """The masks of an object, first upward from its prompt, then downward."""
        self._tracker.prompt(name, prompt)
        start = prompt.slice_index
        entry = self._tracker.objects[name].entries[start]
        pathway = Pathway(0.0, {}, self._settings.memory.bank(self._network.config)).grown(entry)
        with inference(self._network):
            pathway = self._sweep(pathway, range(start + 1, self._slices.count), reverse=False)
            pathway = self._sweep(pathway, range(start - 1, -1, -1), reverse=True)
        for index, answer in pathway.entries.items():
            yield SliceMask.from_entry(name, answer, self._slices.grid(index).shape)

    def _sweep(self, pathway: Pathway, indices: range, reverse: bool) -> Pathway:
        """The best pathway after these slices, or after some without the object."""
        pathways, missing = [pathway], 0
        for index in indices:
            branches = [branch for one in pathways for branch in self._branches(one, index, reverse)]
            pathways = survivors(branches, index, self._settings.count)
            shape = self._slices.grid(index).shape
            missing = missing + 1 if pathways[0].entries[index].mask(shape).is_empty else 0
            if missing == self._tracker.absent_stop:
                break
        return pathways[0]

    def _branches(self, pathway: Pathway, index: int, reverse: bool) -> Iterable[Pathway]:
        grid = self._slices.grid(index)
        before = pathway.entries[index + 1 if reverse else index - 1]
        shown = following_field_of_view(before.field_of_view, before.mask(grid.shape), grid)
        features = self._seen.features.get(index, shown)
        key = sorting_key(features)
        selection = pathway.bank.select(index, reverse, self._slices.count, key)
        conditioned = self._seen.conditioned(features, [selection], shown)
        candidates = self._network.decode_with_candidates(features, conditioned)[1]
        for which in self._chosen(candidates):
            prediction = candidate(self._network, candidates, which)
            entry = MemoryEntry.predicted(index, shown, prediction, key, prompted=False)
            if self._tracker.connected:
                entry.logits = near_neighbour(entry.logits, shown, before.logits, before.field_of_view)
            yield pathway.grown(entry)

    def _chosen(self, candidates: Candidates) -> tuple[int, ...]:
        if float(candidates.iou[0, 0]) >= self._settings.unsure:
            return SINGLE
        return SINGLE + THREE if self._settings.with_single else THREE


def survivors(branches: list[Pathway], index: int, count: int) -> list[Pathway]:
    """Up to ``count`` branches, best first; where no object score is certain, such as differ in their IoU."""
    ranked = sorted(branches, key=lambda branch: branch.score, reverse=True)
    answers = [branch.entries[index] for branch in ranked]
    if max(abs(answer.object_score) for answer in answers) > CERTAIN:
        return ranked[:count]
    distinct: dict[float, Pathway] = {}
    for branch, answer in zip(ranked, answers, strict=True):
        distinct.setdefault(round(answer.iou if answer.object_score > 0 else -answer.iou, 2), branch)
    return list(distinct.values())[:count]


def candidate(network: MedSAM2, candidates: Candidates, which: int) -> MaskPrediction:
    """One of the decoder's four masks of one image as the answer."""
    present = candidates.object_score > 0
    logits = candidates.logits[:, which, None].float()
    pointer = network.obj_ptr_proj(candidates.tokens[:, which])
    return MaskPrediction(
        torch.where(present[:, None, None, None], logits, ABSENT_LOGIT),
        candidates.iou[:, which],
        candidates.object_score,
        torch.where(present[:, None], pointer, network.no_obj_ptr),
    )
