"""How sure the network is of each slice, and which slices the user has looked at."""

from dataclasses import dataclass

from medsam2.confidence import DOUBTFUL


@dataclass
class SliceConfidence:
    """One slice: predicted IoU (0 to 1), whether the object is there, and whether the user accepted it."""

    iou: float
    present: bool
    accepted: bool = False

    @property
    def doubtful(self) -> bool:
        """Whether the user should look at it."""
        return self.present and not self.accepted and self.iou < DOUBTFUL


class Confidence:
    """Slices of one segment along one axis."""

    def __init__(self):
        self.slices: dict[int, SliceConfidence] = {}

    def put(self, mask) -> None:
        """Take a mask (``medsam2.protocol.Mask``); a slice that has changed must be looked at again."""
        self.slices[mask.slice_index] = SliceConfidence(mask.iou, bool(mask.mask.size))

    def accept(self, sliceIndex: int) -> None:
        """The user accepted a slice."""
        if sliceIndex in self.slices:
            self.slices[sliceIndex].accepted = True

    def nextDoubtful(self) -> int | None:
        """The slice with the lowest predicted IoU among those not yet accepted; None if none is left."""
        waiting = {n: slice for n, slice in self.slices.items() if slice.present and not slice.accepted}
        return min(waiting, key=lambda n: waiting[n].iou) if waiting else None
