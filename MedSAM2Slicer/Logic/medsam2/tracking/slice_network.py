"""The network on the slices of one volume: what it sees of them, and takes of prompts and memories."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from medsam2.model.prompt_encoder import BOX_END, BOX_START, NEGATIVE, POSITIVE
from medsam2.model.segmentation_network import ImageFeatures, MemorySelection, SegmentationNetwork
from medsam2.prompt import Prompt
from medsam2.volume import Slices

from .feature_cache import FeatureCache
from .field_of_view import FieldOfView
from .memory_bank import MemoryEntry, Selection


@contextmanager
def inference(network: SegmentationNetwork) -> Iterator[None]:
    """No gradients, and the network's precision."""
    dtype = network.autocast_dtype
    with torch.no_grad(), torch.autocast(network.device.type, dtype=dtype, enabled=dtype is not None):
        yield


def network_points(prompt: Prompt, field_of_view: FieldOfView, image_size: int) -> tuple[Tensor, Tensor]:
    """Points (1, P, 2) as (x, y) in the network's image, and labels (1, P); box corners come first."""
    positions, labels = [], []
    if prompt.box is not None:
        (r0, r1), (c0, c1) = sorted(prompt.box[0::2]), sorted(prompt.box[1::2])
        positions, labels = [(r0, c0), (r1, c1)], [BOX_START, BOX_END]
    positions += [(row, column) for row, column, _ in prompt.points]
    labels += [POSITIVE if positive else NEGATIVE for _, _, positive in prompt.points]
    pixels = field_of_view.to_pixels(np.array(positions), image_size)
    return torch.tensor(pixels.copy(), dtype=torch.float32)[None], torch.tensor(labels)[None]


def network_selection(
    selections: list[Selection], memory_of: Callable[[MemoryEntry], Tensor]
) -> MemorySelection | None:
    """What the banks of a batch of objects selected, as tensors; None where there is nothing to look at.

    Args:
        selections: one per object, all with memories and pointers at the same distances.
        memory_of: the encoded memory of an entry, (1, memory_dim, h, w).
    """
    example = selections[0]
    if not example.entries:
        return None
    memories = [torch.cat([memory_of(entry) for entry in selection.entries]) for selection in selections]
    dim = example.entries[0].pointer.shape[-1]
    pointers = [
        torch.cat([entry.pointer for entry, _ in selection.pointers])
        if selection.pointers
        else memories[0].new_zeros(0, dim)
        for selection in selections
    ]
    return MemorySelection(
        torch.stack(memories),
        example.time_index,
        torch.stack(pointers),
        [distance for _, distance in example.pointers],
        example.log_weights,
    )


class SliceNetwork:
    """A network with the slices that it sees.

    Args:
        network: that answers.
        slices: where the images come from.
        cache_bytes: budget of the image features kept in memory.
        on_disk: whether further ones go to a temporary file.
    """

    def __init__(self, network: SegmentationNetwork, slices: Slices, cache_bytes: int, on_disk: bool = False):
        self.network = network
        self.slices = slices
        self.features = FeatureCache(network, slices, cache_bytes, on_disk)

    @property
    def image_size(self) -> int:
        """Rows and columns of the network's image."""
        return self.network.config.image_size

    def points(self, prompt: Prompt, field_of_view: FieldOfView) -> tuple[Tensor, Tensor]:
        """Points (1, P, 2) and labels (1, P) of a prompt, where the network computes."""
        points, labels = network_points(prompt, field_of_view, self.image_size)
        return points.to(self.network.device), labels.to(self.network.device)

    def conditioned(
        self, features: ImageFeatures, selections: list[Selection], field_of_view: FieldOfView
    ) -> Tensor:
        """Stride-16 features (N, dim, h, w) of an image that know what each of N objects' banks selected."""
        memories = network_selection(selections, lambda entry: self.memory(entry, field_of_view))
        return self.network.condition(features.s16.expand(len(selections), -1, -1, -1), memories)

    def memory(self, entry: MemoryEntry, field_of_view: FieldOfView) -> Tensor:
        """The encoded memory of a slice as seen in ``field_of_view``, (1, memory_dim, h, w).

        Memories are compared with the current image pixel by pixel, so one that was encoded in another
        field of view is encoded again in this one.
        """
        if entry.memory is None or entry.memory_field_of_view != field_of_view:
            features = self.features.get(entry.slice_index, field_of_view)
            size = self.image_size
            logits = field_of_view.logits_from(entry.logits, entry.field_of_view)
            logits = F.interpolate(logits.float(), size=(size, size), mode="bilinear")
            mask = (logits > 0).float() if entry.prompted else logits.sigmoid()
            score = torch.tensor([entry.object_score], device=logits.device)
            entry.memory = self.network.encode_memory(features.s16, mask, score)
            entry.memory_field_of_view = field_of_view
        return entry.memory
