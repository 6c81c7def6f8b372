"""What tracking answers: one object's mask on one slice."""

from dataclasses import dataclass

import numpy as np

from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt

from .field_of_view import OUTSIDE_LOGIT, FieldOfView
from .memory_bank import MemoryEntry


@dataclass(frozen=True, eq=False)
class SliceMask:
    """One object on one slice.

    Attributes:
        object_id, slice_index: which object, where.
        mask: cropped to the object.
        iou: predicted IoU, 0 to 1.
        object_score: logit that the object is on this slice.
        field_of_view: what the network saw.
        logits: the network's own answer in that field of view, (S/4, S/4) float32.
    """

    object_id: str
    slice_index: int
    mask: PlacedMask
    iou: float
    object_score: float
    field_of_view: FieldOfView
    logits: np.ndarray

    @classmethod
    def from_entry(cls, object_id: str, entry: MemoryEntry, shape: tuple[int, int]) -> "SliceMask":
        """The answer that a memory entry holds, on a slice of ``shape``."""
        return cls._build(object_id, entry, entry.mask(shape))

    @classmethod
    def of_prompted(
        cls, object_id: str, prompt: Prompt, entry: MemoryEntry, shape: tuple[int, int]
    ) -> "SliceMask":
        """The answer to a prompt; a mask that a person gave stays as it is."""
        mask = entry.mask(shape) if prompt.mask is None else prompt.mask.tightened()
        return cls._build(object_id, entry, mask)

    @classmethod
    def unknown(cls, object_id: str, slice_index: int, field_of_view: FieldOfView, size: int) -> "SliceMask":
        """No mask, on a slice that was never answered; logits (size, size) say that nothing was seen."""
        unseen = np.full((size, size), OUTSIDE_LOGIT, np.float32)
        nothing = PlacedMask.packed(np.zeros((0, 0), bool))
        return cls(object_id, slice_index, nothing, 0.0, 0.0, field_of_view, unseen)

    @classmethod
    def _build(cls, object_id: str, entry: MemoryEntry, mask: PlacedMask) -> "SliceMask":
        logits = entry.logits[0, 0].float().cpu().numpy()
        return cls(
            object_id, entry.slice_index, mask, entry.iou, entry.object_score, entry.field_of_view, logits
        )
