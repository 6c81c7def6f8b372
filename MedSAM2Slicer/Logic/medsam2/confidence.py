"""How sure the network is of its answer on one slice, and when a person should look at it."""

from dataclasses import dataclass

DOUBTFUL = 0.7
"""Answers with a lower predicted IoU are doubtful."""


@dataclass(frozen=True)
class SliceConfidence:
    """One object on one slice.

    Attributes:
        iou: that the network predicts for its mask, 0 to 1.
        object_score: logit that the object is on the slice.
        present: whether the mask covers any voxel.
    """

    iou: float
    object_score: float
    present: bool

    @property
    def is_doubtful(self) -> bool:
        """Whether a person should look at the slice."""
        return self.present and self.iou < DOUBTFUL
