"""The network on images of a set: what each memory alone finds in an image, and whether that leads back."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from medsam2.model.config import NetworkConfig
from medsam2.model.segmentation_network import ImageFeatures, MaskPrediction, MemorySelection

from .likely_place import likely_shift
from .memory_bank import MemoryEntry
from .slice_network import SliceNetwork
from .template_poses import POSES, centre_of

CARRIED_BACK = 3
"""Answers to an image that are carried back to the template."""


@dataclass(frozen=True, eq=False)
class Template:
    """A template's entry, its memories in all poses (P, memory_dim, h, w), and its object (1, 1, L, L)."""

    entry: MemoryEntry
    memories: Tensor
    share: Tensor


class SetNetwork:
    """Asks for an object in whole images, which are compared place by place, whatever their sizes.

    Args:
        seen: the network with the images.
        config: its configuration.
    """

    def __init__(self, seen: SliceNetwork, config: NetworkConfig):
        self._seen = seen
        self._network = seen.network
        self._config = config

    def find(
        self, features: ImageFeatures, template: Template, others: list[MemoryEntry]
    ) -> tuple[MaskPrediction, float]:
        """The most convincing answer of a template, or of another memory, to an image; Dice of its way back.

        The answers that the network is most sure of become memories themselves, by which the template is
        answered: a right one finds its object again.
        """
        there = self._seen.features.get(template.entry.slice_index, template.entry.field_of_view)
        height, width = features.s16.shape[-2:]
        share = F.adaptive_avg_pool2d(template.share, (height, width))[0, 0]
        shift = likely_shift(there.s16[0], features.s16[0], share)
        moved = [] if shift is None else [shift.moved(template.memories[:1])]
        memories = [self._seen.memory(each, each.field_of_view) for each in others]
        found = self._ask(features, torch.cat([*moved, template.memories, *memories]))
        sure = found.iou * found.object_score.sigmoid()
        chosen = sure.argsort(descending=True, stable=True)[:CARRIED_BACK]
        size = (self._seen.image_size, self._seen.image_size)
        logits = found.logits[chosen].float()
        masks = (F.interpolate(logits, size=size, mode="bilinear") > 0).float()
        s16 = features.s16.expand(len(chosen), -1, -1, -1)
        back_memories = self._network.encode_memory(s16, masks, found.object_score[chosen])
        if shift is not None:
            by_moved = (chosen == 0)[:, None, None, None]
            back_memories = torch.where(by_moved, shift.back.moved(back_memories), back_memories)
        back = self._ask(there, back_memories).logits.float().sigmoid()
        both = (back * template.share).sum(dim=(1, 2, 3))
        dice = 2 * both / (back.sum(dim=(1, 2, 3)) + template.share.sum())
        dice = dice.where(masks.flatten(1).any(dim=1), 0)
        best = int((sure[chosen] * dice).argmax())
        place = chosen[best : best + 1]
        return MaskPrediction(*(part[place] for part in found)), float(dice[best])

    def in_poses(self, entry: MemoryEntry) -> Template:
        """A template's memories in all poses."""
        index, size = entry.slice_index, self._seen.image_size
        whole = entry.field_of_view.network_image(self._seen.slices.pixels(index), size)
        whole = whole.to(self._network.device)
        mask = (F.interpolate(entry.logits.float(), size=(size, size), mode="bilinear") > 0).float()
        centre, score = centre_of(mask), torch.tensor([entry.object_score], device=mask.device)
        memories = []
        for pose in POSES:
            features = self._network.encode_image(pose.moved(whole, centre))
            moved = (pose.moved(mask, centre) > 0.5).float()
            memories.append(self._network.encode_memory(features.s16, moved, score))
        share = F.interpolate(mask, size=entry.logits.shape[-2:], mode="area")
        return Template(entry, torch.cat(memories), share)

    def _ask(self, features: ImageFeatures, memories: Tensor) -> MaskPrediction:
        """What each of N memories (N, memory_dim, h, w) alone finds in an image, or in N."""
        count = len(memories)
        # As memories of prompted slices are asked for, whose code says that they are near to none.
        code = [self._config.memory_frames - 1]
        pointers = memories.new_zeros(count, 0, self._config.model_dim)
        selection = MemorySelection(memories[:, None], code, pointers, [])
        s16 = features.s16.expand(count, -1, -1, -1)
        return self._network.decode(features, self._network.condition(s16, selection))
