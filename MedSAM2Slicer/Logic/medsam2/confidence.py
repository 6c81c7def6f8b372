"""How sure the network is of its answer on one slice, and when a person should look at it."""

import math
from dataclasses import dataclass

DOUBTFUL = 0.7
"""Answers of less certainty are doubtful."""


def certainty(iou: float, agreement: float | None) -> float:
    """The predicted IoU of a mask; of a fused one, the geometric mean of that and the agreement.

    That finds wrong slices better than either, or than the lesser of both (``docs/results.md``).
    """
    return iou if agreement is None else math.sqrt(iou * agreement)


@dataclass(frozen=True)
class SliceConfidence:
    """One object on one slice.

    Attributes:
        iou: that the network predicts for its mask, 0 to 1.
        object_score: logit that the object is on the slice.
        present: whether the mask covers any voxel.
        agreement: how well several orientations agree, 0 to 1; None of a single one.
    """

    iou: float
    object_score: float
    present: bool
    agreement: float | None = None

    @property
    def certainty(self) -> float:
        """What speaks for the mask, 0 to 1."""
        return certainty(self.iou, self.agreement)

    @property
    def is_doubtful(self) -> bool:
        """Whether a person should look at the slice."""
        return self.present and self.certainty < DOUBTFUL
