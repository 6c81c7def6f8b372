"""What tracking answers: one object's mask on one slice."""

from dataclasses import dataclass

import numpy as np

from medsam2.placed_mask import PlacedMask

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
        logits: the answer before the threshold, in that field of view, (L, L) float32, L the network's
            ``logit_size``.
        agreement: how well the ways through a volume agree, 0 to 1; None where only one was gone.
    """

    object_id: str
    slice_index: int
    mask: PlacedMask
    iou: float
    object_score: float
    field_of_view: FieldOfView
    logits: np.ndarray
    agreement: float | None = None

    @classmethod
    def from_entry(cls, object_id: str, entry: MemoryEntry, shape: tuple[int, int]) -> "SliceMask":
        """The answer that a memory entry holds, on a slice of ``shape``."""
        logits = entry.logits[0, 0].float().cpu().numpy()
        return cls(
            object_id,
            entry.slice_index,
            entry.mask(shape),
            entry.iou,
            entry.object_score,
            entry.field_of_view,
            logits,
        )

    @classmethod
    def unknown(cls, object_id: str, slice_index: int, field_of_view: FieldOfView, size: int) -> "SliceMask":
        """No mask, on a slice that was never answered; logits (size, size) say that nothing was seen."""
        unseen = np.full((size, size), OUTSIDE_LOGIT, np.float32)
        nothing = PlacedMask.packed(np.zeros((0, 0), bool))
        return cls(object_id, slice_index, nothing, 0.0, 0.0, field_of_view, unseen)
