"""How sure the network is of its answer on one slice, and when a person should look at it."""

from dataclasses import dataclass
from typing import Protocol

from medsam2.placed_mask import PlacedMask

DOUBTFUL = 0.7
"""Answers with a lower predicted IoU are doubtful."""


class Scored(Protocol):
    """A mask on one slice with what the network thinks of it."""

    @property
    def mask(self) -> PlacedMask:
        """Cropped to the object."""

    @property
    def iou(self) -> float:
        """That the network predicts, 0 to 1."""

    @property
    def object_score(self) -> float:
        """Logit that the object is on the slice."""


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

    @classmethod
    def of(cls, mask: Scored) -> "SliceConfidence":
        """Of an answer, from the tracker or over the protocol."""
        return cls(mask.iou, mask.object_score, not mask.mask.is_empty)

    @property
    def is_doubtful(self) -> bool:
        """Whether a person should look at the slice."""
        return self.present and self.iou < DOUBTFUL
