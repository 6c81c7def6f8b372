"""One object in a set of unrelated images: One-Prompt segmentation (MedSAM-2, section 3.3).

A person shows the object on one image or on a few, the templates, and every other image is answered by
these alone. So no answer depends on the order of the images, and any of them can be computed again, or
elsewhere.

An image is asked for by each memory alone: by the most alike template in several poses, and by the other
templates that are most alike. The most convincing answers are carried back to the template: a right one
finds the template's object again. How well it does, and how sure the network was, is the confidence.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from medsam2.errors import InputError
from medsam2.model.config import NetworkConfig
from medsam2.model.segmentation_network import SegmentationNetwork
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.volume import Slices

from .colour_axis import GreyImages
from .feature_cache import sorting_key
from .field_of_view import FieldOfView
from .field_of_view_choice import FieldOfViewChooser
from .mask_rules import held_by_click, is_hit
from .memory_bank import MemoryEntry, NoBank
from .prompting import Prompting
from .self_sorting import SelfSortingBank, SelfSortingMemory
from .set_network import SetNetwork, Template
from .slice_mask import SliceMask
from .slice_network import SliceNetwork, inference
from .tracked_object import TrackedObject

CACHE_BYTES = 64 * 2**20
"""Budget of the kept image features: those of a few images, none on disk, as each is asked for once."""
ASKED = 3
"""Templates that an image is asked for by, the most alike one aside."""
LEAST_CONFIDENCE = 0.1
"""The object counts as absent below."""
MEMORY = SelfSortingMemory()
NAME = "object"


@dataclass(frozen=True, eq=False)
class SetAnswer:
    """The object in one image; an empty mask where it is not.

    Attributes:
        answer: with its mask.
        confidence: from 0 to 1, the number by which wrong answers are best told: predicted IoU, times the
            probability that the object is there, times the Dice of the template's mask with what the answer,
            as a memory, finds there.
    """

    answer: SliceMask
    confidence: float

    @property
    def mask(self) -> PlacedMask:
        """On the image."""
        return self.answer.mask


def check_remembers(network: SegmentationNetwork) -> None:
    """Refuse a network that cannot carry an object from one image to others."""
    if not network.config.remembers:
        raise InputError(
            f"The network {network.config.preset} knows one picture only, and carries nothing to the others "
            "of a set: take weights that track."
        )


class ImageSetTracker:
    """Carries one object from its templates to all images of a set, which are seen whole.

    Of an image nothing is kept, unless it is a template; of more of these than the bank holds, the one least
    unlike the others is let go. A network that sees no colour is shown the grey
    along the axis of colour that the templates tell (``GreyImages``).

    Args:
        network: one that remembers.
        images: the set.
        memory: capacity of the bank.

    Raises:
        InputError: the network knows one image only.
    """

    RULE = 2
    """Grows where other answers are made of the same templates: those of an earlier rule are out of date."""

    def __init__(self, network: SegmentationNetwork, images: Slices, memory: SelfSortingMemory = MEMORY):
        check_remembers(network)
        assert isinstance(network.config, NetworkConfig)
        self._network = network
        self._colours = None if network.config.sees_colour else GreyImages(images)
        self._images = self._colours or images
        self._memory = memory
        self._seen = SliceNetwork(network, self._images, CACHE_BYTES)
        self._prompting = Prompting(self._seen, FieldOfViewChooser(self._seen), connected=False)
        self._asking = SetNetwork(self._seen, network.config)
        self._masks: dict[int, PlacedMask] = {}
        self._posed: dict[int, Template] = {}
        self._templates = SelfSortingBank(memory)

    def prompt(self, prompt: Prompt) -> SliceMask:
        """Show the object on an image, or correct the answer there; answers with that image's mask.

        The image is a template from now on, remembered by this mask: giving the mask again brings back the
        same state. An image that a person empties is no template.

        Raises:
            InputError: the prompt does not fit the image, or says only where an object is not that was never
                found there.
        """
        index = prompt.slice_index
        prompt.check(self._images.count, self._images.grid(index))
        with inference(self._network):
            entry = self._prompted(prompt)
            shape = self._images.grid(index).shape
            mask = entry.mask(shape)
            if self._learn(index, mask) and prompt.mask is None and prompt.shows_object:
                # Seen along its own colour the object is found better than in the grey of the first answer.
                entry = self._prompted(prompt)
                mask = entry.mask(shape)
                self._learn(index, mask)
            self._remember(index, mask)
        return SliceMask.from_entry(NAME, entry, shape)

    def answer(self, index: int) -> SetAnswer:
        """The object in an image; a template's own mask."""
        if not self._masks:
            raise InputError("The object was not shown yet: prompt it on one image first.")
        with inference(self._network):
            entry, confidence = self._found(index)
        answer = SliceMask.from_entry(NAME, entry, self._images.grid(index).shape)
        return SetAnswer(answer, confidence)

    def _found(self, index: int) -> tuple[MemoryEntry, float]:
        """What the templates say of an image, and how sure that is; a template's own entry."""
        if index in self._masks:
            entry = next(entry for entry in self._templates.entries if entry.slice_index == index)
            return entry, _confidence(entry, 1.0)
        shown = FieldOfView.whole(self._images.grid(index))
        features = self._seen.features.get(index, shown)
        key = sorting_key(features)
        template, *others = self._alike(self._templates.entries, key)
        if template.slice_index not in self._posed:
            self._posed[template.slice_index] = self._asking.in_poses(template)
        best, way_back = self._asking.find(features, self._posed[template.slice_index], others[:ASKED])
        entry = MemoryEntry.predicted(index, shown, best, key, prompted=False)
        confidence = _confidence(entry, way_back)
        return (entry.emptied() if confidence < LEAST_CONFIDENCE else entry), confidence

    def _alike(self, entries: list[MemoryEntry], key: Tensor) -> list[MemoryEntry]:
        """Entries, those most like an image first."""
        return sorted(entries, key=lambda entry: (-float(entry.key @ key), entry.slice_index))

    def _prompted(self, prompt: Prompt) -> MemoryEntry:
        index = prompt.slice_index
        earlier = self._earlier(prompt)
        grid = self._images.grid(index)
        known = None if earlier is None else earlier.mask(grid.shape)
        told = self._prompting.told(prompt, known)
        if earlier is None or known is None:
            if not told.shows_object:
                raise InputError(
                    "The prompt says only where the object is not: show first where on the image it is."
                )
        elif prompt.only_takes_away:
            return self._prompting.without(earlier, told)
        elif not told.shows_object and not is_hit(known, told, grid):
            return earlier
        elif index in self._masks or not told.shows_object:
            told = held_by_click(told, known, grid)
        target = TrackedObject(NoBank(), whole_slices=True)
        if earlier is not None:
            target.entries[index] = earlier
        return self._prompting.answer(target, prompt, told, "slice", keep_field_of_view=False)

    def _earlier(self, prompt: Prompt) -> MemoryEntry | None:
        """The answer that clicks and lines correct; masks and boxes show the object anew."""
        if not self._masks or prompt.mask is not None or prompt.box is not None:
            return None
        entry, _ = self._found(prompt.slice_index)
        return entry if bool((entry.logits > 0).any()) else None

    def _learn(self, index: int, mask: PlacedMask) -> bool:
        """Learn the object's colours from its mask; whether images are shown otherwise from now on."""
        if self._colours is None or not self._colours.learn(index, mask):
            return False
        self._seen.features.clear()
        masks, self._masks = self._masks, {}
        for template, known in masks.items():
            self._remember(template, known)
        return True

    def _remember(self, index: int, mask: PlacedMask) -> None:
        self._forget(index)
        if mask.is_empty:
            return
        entry = self._prompted(Prompt(index, mask=mask))
        if not bool((entry.logits > 0).any()):
            raise InputError("The mask is so small that the network does not see it: show a larger object.")
        self._masks[index] = mask
        self._templates.add(entry)
        if len(self._masks) > self._memory.capacity:
            self._forget(self._templates.most_redundant())

    def _forget(self, index: int) -> None:
        self._masks.pop(index, None)
        self._posed.pop(index, None)
        self._templates.forget(index)


def _confidence(entry: MemoryEntry, way_back: float) -> float:
    return entry.iou * torch.tensor(entry.object_score).sigmoid().item() * way_back
