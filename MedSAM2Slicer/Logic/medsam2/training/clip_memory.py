"""The memory banks of the objects in a batch of clips: the tracker's own, with gradients through time."""

import torch
from torch import Tensor

from medsam2.model.network import MedSAM2
from medsam2.model.segmentation_network import ImageFeatures, MaskPrediction
from medsam2.tracking import FieldOfView, SelfSortingMemory, TemporalMemory
from medsam2.tracking.feature_cache import sorting_key
from medsam2.tracking.memory_bank import MemoryEntry, Selection
from medsam2.tracking.slice_network import network_selection


class ClipMemories:
    """One bank per object; frames are tracked upward.

    Args:
        network: encodes memories and looks at them.
        memory: which kind of bank.
        objects: M, how many objects.
        frames: T, length of the clips.
    """

    def __init__(
        self, network: MedSAM2, memory: TemporalMemory | SelfSortingMemory, objects: int, frames: int
    ):
        self._network = network
        self._frames = frames
        self._banks = [memory.bank(network.config) for _ in range(objects)]
        self._memories: dict[MemoryEntry, Tensor] = {}

    def remember(
        self, frame: int, features: ImageFeatures, prediction: MaskPrediction, mask: Tensor, prompted: Tensor
    ) -> None:
        """Encode a frame's masks and store them.

        Args:
            frame: its index in the clip.
            features: of each object's image.
            prediction: the answer for each object.
            mask: probabilities (M, 1, S, S).
            prompted: (M,) bool, whether the object was prompted on this frame.
        """
        memories = self._network.encode_memory(features.s16, mask, prediction.object_score)
        field_of_view = FieldOfView(0, 0, mask.shape[-2], mask.shape[-1])
        rows = zip(
            self._banks,
            prediction.logits.split(1),
            prediction.iou.tolist(),
            prediction.object_score.tolist(),
            prediction.pointer.split(1),
            self._keys(features),
            prompted.tolist(),
            memories.split(1),
            strict=True,
        )
        for bank, logits, iou, object_score, pointer, key, was_prompted, memory in rows:
            entry = MemoryEntry(frame, field_of_view, logits, iou, object_score, pointer, key, was_prompted)
            self._memories[entry] = memory
            bank.add(entry)

    def condition(self, frame: int, features: ImageFeatures) -> Tensor:
        """Stride-16 features (M, dim, h, w) of a frame that know each object's memories."""
        selections = [
            bank.select(frame, False, self._frames, key)
            for bank, key in zip(self._banks, self._keys(features), strict=True)
        ]
        rows, parts = [], []
        for group in _alike(selections):
            chosen = network_selection([selections[row] for row in group], self._memories.__getitem__)
            parts.append(self._network.condition(features.s16[group], chosen))
            rows += group
        order = torch.tensor(rows, device=features.s16.device).argsort()
        return torch.cat(parts)[order]

    @torch.no_grad()
    def _keys(self, features: ImageFeatures) -> list[Tensor]:
        """What the self-sorting bank compares images by, for each object."""
        return [sorting_key(ImageFeatures(level)) for level in features.s16.split(1)]


def _alike(selections: list[Selection]) -> list[list[int]]:
    """Rows whose selections make one batch: as many memories, at the same distances.

    Weighted memories are an object's own, so each of those makes a batch by itself.
    """
    groups: dict[tuple, list[int]] = {}
    for row, selection in enumerate(selections):
        distances = tuple(distance for _, distance in selection.pointers)
        alone = None if selection.log_weights is None else row
        key = (len(selection.entries), tuple(selection.time_index or ()), distances, alone)
        groups.setdefault(key, []).append(row)
    return list(groups.values())
