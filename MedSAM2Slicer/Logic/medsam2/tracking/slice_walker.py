"""From slice to slice with a network that knows one slice only: the mask before becomes the next box.

LiteMedSAM's script walks like that, and micro-sam stops where a mask overlaps the one before too little. The
logits of the mask before, shown beside its box, gain nothing (``docs/results.md``).
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
from .stepping import Stepping, Tracked, singles
from .tracked_object import TrackedObject

LEAST_OVERLAP = 0.6
"""IoU with the mask before; where there is less, the answer is something else and the object is gone."""


class SliceWalker(Stepping):
    """Answers slices by the box of the mask before, as far outside of it as the network is used to.

    After slices without the object, the last mask on the way leads on.
    """

    def _step(
        self, objects: dict[str, TrackedObject], field_of_view: FieldOfView, index: int, reverse: bool
    ) -> Iterator[Tracked]:
        shape = self._slices.grid(index).shape
        features = self._seen.features.get(index, field_of_view)
        leads = {name: target.last_found(index, reverse) for name, target in objects.items()}
        masks = [lead.mask(shape) for lead in leads.values()]
        margin = self._network.config.box_margin
        boxes = [_widened(box_round(mask), margin, field_of_view) for mask in masks]
        predictions = self._predict(features, index, field_of_view, boxes)
        key = sorting_key(features)
        for (name, lead), mask, box, prediction in zip(leads.items(), masks, boxes, predictions, strict=True):
            entry = self._entry(prediction, index, field_of_view, key, lead)
            entry.lead = box
            is_same = _overlap(entry.mask(shape), mask, shape) >= LEAST_OVERLAP
            yield name, entry if is_same else entry.emptied(), ()

    def _predict(
        self, features: ImageFeatures, index: int, field_of_view: FieldOfView, boxes: list[Box]
    ) -> list[MaskPrediction]:
        """The answer to each box, all in one batch."""
        prompts = [self._seen.points(Prompt(index, box=box), field_of_view) for box in boxes]
        points, labels = (torch.cat(part) for part in zip(*prompts, strict=True))
        conditioned = self._network.condition(features.s16.expand(len(boxes), -1, -1, -1), None)
        return singles(self._network.decode(features, conditioned, points, labels, ambiguous=False))


def _widened(box: Box, margin: float, field_of_view: FieldOfView) -> Box:
    """A box, grown to each side by a share of the field of view, that stays in it."""
    first = np.array([field_of_view.row, field_of_view.column]) - 0.5
    size = np.array([field_of_view.rows, field_of_view.columns])
    corners = np.reshape(box, (2, 2)) + np.array([[-margin], [margin]]) * size
    low, high = np.clip(corners, first, first + size).tolist()
    return (*low, *high)


def _overlap(one: PlacedMask, other: PlacedMask, shape: tuple[int, int]) -> float:
    """IoU of two masks on a slice of ``shape``; 0 where both are empty."""
    both = np.stack([one.full(shape), other.full(shape)])
    return float(both.all(axis=0).sum() / max(both.any(axis=0).sum(), 1))
