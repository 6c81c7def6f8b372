"""Encoded memories: made when they are first looked at, and anew when the field of view has moved."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from medsam2.model.network import MedSAM2, MemorySelection

from .feature_cache import FeatureCache
from .field_of_view import FieldOfView
from .memory_bank import MemoryEntry, Selection


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


class MemoryEncoding:
    """Turns the entries that a bank selected into what memory attention takes."""

    def __init__(self, network: MedSAM2, features: FeatureCache):
        self._network = network
        self._features = features

    def for_network(self, selections: list[Selection], field_of_view: FieldOfView) -> MemorySelection | None:
        """Memories of a batch of objects as tensors; None where there is nothing to look at."""
        return network_selection(selections, lambda entry: self.memory(entry, field_of_view))

    def memory(self, entry: MemoryEntry, field_of_view: FieldOfView) -> Tensor:
        """The encoded memory of a slice as seen in ``field_of_view``, (1, memory_dim, h, w).

        Memories are compared with the current image place by place, so one that was encoded in another
        field of view is encoded again in this one.
        """
        if entry.memory is None or entry.memory_field_of_view != field_of_view:
            features = self._features.get(entry.slice_index, field_of_view)
            size = self._network.config.image_size
            logits = field_of_view.logits_from(entry.logits, entry.field_of_view)
            logits = F.interpolate(logits.float(), size=(size, size), mode="bilinear")
            mask = (logits > 0).float() if entry.prompted else logits.sigmoid()
            score = torch.tensor([entry.object_score], device=logits.device)
            entry.memory = self._network.encode_memory(features.s16, mask, score)
            entry.memory_field_of_view = field_of_view
        return entry.memory
