"""One object in a set of unrelated images: One-Prompt segmentation (MedSAM-2, section 3.3).

A person shows the object on one image or on a few, the templates. Every other image is first answered by
these alone (``survey``); ``plan`` fills the memory bank with the best of these answers, and freezes it; then
all images are answered by the full bank (``answer``). So no answer depends on the order of the images, and
any of them can be computed again, or elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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
from .memory_bank import MemoryEntry, NoBank
from .prompting import Prompting
from .self_sorting import SelfSortingBank, SelfSortingMemory
from .slice_mask import SliceMask
from .slice_network import SliceNetwork, inference, network_selection
from .tracked_object import TrackedObject

CACHE_BYTES = 64 * 2**20
"""Budget of the kept image features: those of a few images."""
CANDIDATES = 4
"""For every place in the bank so many of the most confident answers are compared."""
MEMORY = SelfSortingMemory()
NAME = "object"


@dataclass(frozen=True)
class Survey:
    """What the network thinks of its answer on an image.

    Attributes:
        index: which image.
        iou: predicted IoU, 0 to 1.
        object_score: logit that the object is in the image.
        likeness: cosine to the template that is most like the image, up to 1.
    """

    index: int
    iou: float
    object_score: float
    likeness: float


@dataclass(frozen=True, eq=False)
class SetAnswer:
    """The object in one image."""

    survey: Survey
    mask: PlacedMask


class ImageSetTracker:
    """Carries one object from its templates to all images of a set, which are seen whole.

    Of an image nothing is kept, unless it is in the bank. A network that sees no colour is shown the grey
    along the axis of colour that the templates tell (``GreyImages``).

    Args:
        network: one that remembers.
        images: the set.
        memory: capacity and threshold of the bank.

    Raises:
        InputError: the network knows one image only.
    """

    def __init__(self, network: SegmentationNetwork, images: Slices, memory: SelfSortingMemory = MEMORY):
        if not isinstance(network.config, NetworkConfig):
            raise InputError(
                f"The network {network.config.preset} knows one picture only, and carries nothing to the "
                "others of a set: take weights that track."
            )
        self._network = network
        self._colours = None if network.config.sees_colour else GreyImages(images)
        self._images = self._colours or images
        self._memory = memory
        self._seen = SliceNetwork(network, self._images, CACHE_BYTES)
        self._prompting = Prompting(self._seen, FieldOfViewChooser(self._seen), connected=False)
        self._masks: dict[int, PlacedMask] = {}
        self._templates = SelfSortingBank(memory)
        self._bank = self._templates

    def prompt(self, prompt: Prompt) -> SliceMask:
        """Show the object on an image, or correct the answer there; answers with that image's mask.

        The image is a template from now on, remembered by this mask: giving the mask again brings back the
        same state. The bank holds templates alone until the next ``plan``. An image that a person empties
        is no template.

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

    def survey(self, index: int) -> SetAnswer:
        """The answer by the templates alone."""
        return self._answer(index, self._templates)

    def plan(self, surveys: Sequence[Survey]) -> list[int]:
        """Fill the bank, and say in which order to answer: first what is most like a template.

        The most confident answers are made again, and the bank keeps those that differ most.
        """
        bank = SelfSortingBank(self._memory)
        with inference(self._network):
            for entry in self._templates.entries:
                bank.add(entry)
            for index in self._candidates(surveys):
                bank.add(self._entry(index, self._templates))
        self._bank = bank
        ordered = sorted(surveys, key=lambda survey: (-survey.likeness, survey.index))
        return [survey.index for survey in ordered]

    def answer(self, index: int) -> SetAnswer:
        """The answer by all memories of the bank; a template's own mask."""
        return self._answer(index, self._bank)

    def _candidates(self, surveys: Sequence[Survey]) -> list[int]:
        confident = [
            survey
            for survey in surveys
            if survey.index not in self._masks
            and survey.iou >= self._memory.iou_threshold
            and survey.object_score > 0
        ]
        confident.sort(key=lambda survey: (-survey.iou, survey.index))
        room = max(self._memory.capacity - len(self._masks), 0)
        return [survey.index for survey in confident[: CANDIDATES * room]]

    def _answer(self, index: int, bank: SelfSortingBank) -> SetAnswer:
        if not self._masks:
            raise InputError("The object was not shown yet: prompt it on one image first.")
        with inference(self._network):
            entry = self._entry(index, bank)
        likeness = max(float(entry.key @ template.key) for template in self._templates.entries)
        mask = self._masks.get(index) or entry.mask(self._images.grid(index).shape)
        return SetAnswer(Survey(index, entry.iou, entry.object_score, likeness), mask)

    def _entry(self, index: int, bank: SelfSortingBank) -> MemoryEntry:
        """What a bank's memories, its own left out, say of an image; a template's own entry."""
        if index in self._masks:
            return next(entry for entry in self._templates.entries if entry.slice_index == index)
        shown = FieldOfView.whole(self._images.grid(index))
        features = self._seen.features.get(index, shown)
        key = sorting_key(features)
        selection = bank.select(index, False, self._images.count, key)
        # Unrelated images are compared place by place, each as a whole: sizes in pixels mean nothing.
        memories = network_selection([selection], lambda entry: self._seen.memory(entry, entry.field_of_view))
        prediction = self._network.decode(features, self._network.condition(features.s16, memories))
        return MemoryEntry.predicted(index, shown, prediction, key, prompted=False)

    def _prompted(self, prompt: Prompt) -> MemoryEntry:
        index = prompt.slice_index
        earlier = self._earlier(prompt)
        known = None if earlier is None else earlier.mask(self._images.grid(index).shape)
        told = self._prompting.told(prompt, known)
        if earlier is None and not told.shows_object:
            raise InputError(
                "The prompt says only where the object is not: show first where on the image it is."
            )
        if earlier is not None and prompt.only_takes_away:
            return self._prompting.without(earlier, told)
        target = TrackedObject(NoBank(), whole_slices=True)
        if earlier is not None:
            target.entries[index] = earlier
        return self._prompting.answer(target, prompt, told, "slice", keep_field_of_view=False)

    def _earlier(self, prompt: Prompt) -> MemoryEntry | None:
        """The answer that clicks and lines correct; masks and boxes show the object anew."""
        if not self._masks or prompt.mask is not None or prompt.box is not None:
            return None
        entry = self._entry(prompt.slice_index, self._bank)
        return entry if bool((entry.logits > 0).any()) else None

    def _learn(self, index: int, mask: PlacedMask) -> bool:
        """Learn the object's colours from its mask; whether images are shown otherwise from now on."""
        if self._colours is None or not self._colours.learn(index, mask):
            return False
        self._seen.features.clear()
        masks, self._masks, self._templates = self._masks, {}, SelfSortingBank(self._memory)
        for template, known in masks.items():
            self._remember(template, known)
        return True

    def _remember(self, index: int, mask: PlacedMask) -> None:
        self._masks.pop(index, None)
        self._templates.forget(index)
        self._bank = self._templates
        if not mask.is_empty:
            self._masks[index] = mask
            self._templates.add(self._prompted(Prompt(index, mask=mask)))
