"""From slice to slice with a network that knows one slice only: the mask before is the next one's prompt.

After LiteMedSAM's script, which boxes the mask before, and micro-sam, which also shows its logits, and stops
where a mask overlaps the one before too little.
"""

from collections.abc import Iterator

import numpy as np
import torch

from medsam2.model.segmentation_network import ImageFeatures, MaskPrediction
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt

from .drawn_lines import Box, box_round
from .feature_cache import sorting_key
from .field_of_view import FieldOfView
from .memory_bank import MemoryEntry
from .prompting import LOGIT_LIMIT
from .stepping import Stepping, Tracked, singles
from .tracked_object import TrackedObject

WIDENING = 3 / 256
"""The box of the mask before grows by this share of the field of view to each side: LiteMedSAM's 3 pixels."""
LEAST_OVERLAP = 0.5
"""IoU with the mask before; where there is less, the answer is something else and the object is gone."""


class SliceWalker(Stepping):
    """Answers slices by the box of the mask before, and its logits where the network takes them.

    After slices without the object, the last mask on the way leads on.
    """

    def _step(
        self, objects: dict[str, TrackedObject], field_of_view: FieldOfView, index: int, reverse: bool
    ) -> Iterator[Tracked]:
        shape = self._slices.grid(index).shape
        features = self._seen.features.get(index, field_of_view)
        leads = {name: target.last_found(index, reverse) for name, target in objects.items()}
        masks = [lead.mask(shape) for lead in leads.values()]
        boxes = [_widened(box_round(mask), field_of_view) for mask in masks]
        predictions = self._predict(features, index, field_of_view, list(leads.values()), boxes)
        key = sorting_key(features)
        for (name, lead), mask, box, prediction in zip(leads.items(), masks, boxes, predictions, strict=True):
            entry = self._entry(prediction, index, field_of_view, key, lead)
            entry.lead = box
            is_same = _overlap(entry.mask(shape), mask, shape) >= LEAST_OVERLAP
            yield name, entry if is_same else entry.emptied(), ()

    def _predict(
        self,
        features: ImageFeatures,
        index: int,
        field_of_view: FieldOfView,
        leads: list[MemoryEntry],
        boxes: list[Box],
    ) -> list[MaskPrediction]:
        """One answer for each object, in one batch."""
        prompts = [self._seen.points(Prompt(index, box=box), field_of_view) for box in boxes]
        points, labels = (torch.cat(part) for part in zip(*prompts, strict=True))
        shown = None
        if self._network.config.takes_mask_prompts:
            before = [field_of_view.logits_from(lead.logits, lead.field_of_view) for lead in leads]
            shown = torch.cat(before).clamp(-LOGIT_LIMIT, LOGIT_LIMIT)
        conditioned = self._network.condition(features.s16.expand(len(leads), -1, -1, -1), None)
        return singles(self._network.decode(features, conditioned, points, labels, shown, ambiguous=False))


def _widened(box: Box, field_of_view: FieldOfView) -> Box:
    """A box, grown to each side, that stays in the field of view."""
    first = np.array([field_of_view.row, field_of_view.column]) - 0.5
    size = np.array([field_of_view.rows, field_of_view.columns])
    low, high = np.reshape(box, (2, 2))
    low, high = (
        np.clip(corner, first, first + size) for corner in (low - WIDENING * size, high + WIDENING * size)
    )
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def _overlap(one: PlacedMask, other: PlacedMask, shape: tuple[int, int]) -> float:
    """IoU of two masks on a slice of ``shape``; 0 where both are empty."""
    both = np.stack([one.full(shape), other.full(shape)])
    return float(both.all(axis=0).sum() / max(both.any(axis=0).sum(), 1))
