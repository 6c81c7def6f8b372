"""What has come back: the last preview of each segment, and how sure the network is of its slices."""

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medsam2.confidence import certainty

if TYPE_CHECKING:
    from medsam2.protocol import Mask
    from medsam2.slice_grid import Axis

    from .Seeds import SliceKey


@dataclass
class ReviewedSlice:
    """One slice.

    Attributes:
        certainty: the predicted IoU, and how well several orientations agree, in one number; 0 to 1.
        present: whether the object is there.
        accepted: whether the user accepted it.
        written: whether a propagation has written it, rather than that it was only shown.
        agreement: of several orientations; None of one.
    """

    certainty: float
    present: bool
    accepted: bool = False
    written: bool = False
    agreement: float | None = None


class Confidence:
    """Slices of one segment along one axis."""

    def __init__(self) -> None:
        self.slices: dict[int, ReviewedSlice] = {}

    def put(self, mask: "Mask", written: bool) -> None:
        """Take a mask (``medsam2.protocol.Mask``); a slice that has changed must be looked at again."""
        earlier = self.slices.get(mask.slice_index)
        isWritten = written or (earlier is not None and earlier.written)
        self.slices[mask.slice_index] = ReviewedSlice(
            certainty(mask.iou, mask.agreement),
            not mask.mask.is_empty,
            written=isWritten,
            agreement=mask.agreement,
        )

    @property
    def waiting(self) -> set[int]:
        """Slices that a propagation has written and nobody has accepted."""
        return {index for index, each in self.slices.items() if each.written and not each.accepted}

    def accept(self, sliceIndex: int) -> None:
        """The user accepted a slice."""
        if sliceIndex in self.slices:
            self.slices[sliceIndex].accepted = True

    def nextDoubtful(self) -> int | None:
        """The slice of the least certainty among those not yet accepted; None if none is left."""
        waiting = {n: slice for n, slice in self.slices.items() if slice.present and not slice.accepted}
        return min(waiting, key=lambda n: waiting[n].certainty) if waiting else None


class SliceResults:
    """What ``KeptReviews`` hands on from one activation of the effect to the next.

    Attributes:
        previews: segment ID to the mask of the slice that was prompted last (``protocol.Mask``), as long as
            it is drawn.
        prompted: likewise, but also after that.
        time: the time point that is shown; confidence belongs to one.
    """

    def __init__(self) -> None:
        self.previews: dict[str, Mask] = {}
        self.prompted: dict[str, Mask] = {}
        self.time: str | None = None
        self._confidence: dict[tuple[str | None, str, Axis], Confidence] = {}
        self._kept: dict[tuple[str | None, str, int], dict[Axis, Confidence]] = {}

    def confidence(self, segmentId: str, axis: "Axis") -> Confidence:
        """Of the slices along an axis, at the time point shown."""
        return self._at(self.time, segmentId, axis)

    def putPreview(self, mask: "Mask") -> None:
        """A prompted slice was answered."""
        self.previews[mask.object_id] = self.prompted[mask.object_id] = mask
        self.confidence(mask.object_id, mask.axis).put(mask, written=False)

    def put(self, mask: "Mask", time: str | None) -> None:
        """A slice of a propagation has come, of a time point."""
        self._at(time, mask.object_id, mask.axis).put(mask, written=True)

    def _at(self, time: str | None, segmentId: str, axis: "Axis") -> Confidence:
        return self._confidence.setdefault((time, segmentId, axis), Confidence())

    def waiting(self, segmentId: str) -> "list[SliceKey]":
        """Slices of a segment, along any axis, that a propagation has written and nobody has accepted."""
        return [(axis, index) for axis, each in self._here(segmentId).items() for index in each.waiting]

    def _here(self, segmentId: str) -> "dict[Axis, Confidence]":
        """Of a segment, at the time point shown."""
        here = (self.time, segmentId)
        return {axis: each for (*where, axis), each in self._confidence.items() if tuple(where) == here}

    def show(self, time: str | None) -> None:
        """Another time point is shown."""
        self.time = time
        self.outdate()

    def keep(self, segmentId: str, version: int) -> None:
        """Note what is known of a segment now, under a number, for ``exchange``."""
        self._kept[self.time, segmentId, version] = deepcopy(self._here(segmentId))

    def exchange(self, segmentId: str, old: int, new: int) -> "set[SliceKey]":
        """Keep what is known of a segment as one version, and know another one again.

        Returns:
            the slices that were known until now.
        """
        self.keep(segmentId, old)
        earlier = self._kept[self.time, segmentId, old]
        known = {(axis, index) for axis, each in earlier.items() for index in each.slices}
        self.forgetHere(segmentId)
        for axis, confidence in deepcopy(self._kept.get((self.time, segmentId, new), {})).items():
            self._confidence[self.time, segmentId, axis] = confidence
        return known

    def outdate(self) -> None:
        """The slices that were prompted are not what they were."""
        self.previews.clear()
        self.prompted.clear()

    def segmentIds(self) -> set[str]:
        """Of which something is known."""
        return {segmentId for _time, segmentId, _axis in self._confidence} | self.previews.keys()

    def forget(self, segmentId: str) -> None:
        """Nothing is known of a segment any more, at any time point."""
        self._forgetAt(segmentId, {time for time, _segmentId, _axis in self._confidence})

    def _forgetAt(self, segmentId: str, times: set[str | None]) -> None:
        self.previews.pop(segmentId, None)
        self.prompted.pop(segmentId, None)
        gone = {key for key in self._confidence if key[0] in times and key[1] == segmentId}
        self._confidence = {key: value for key, value in self._confidence.items() if key not in gone}

    def forgetHere(self, segmentId: str) -> None:
        """Nothing is known of a segment any more at the time point shown."""
        self._forgetAt(segmentId, {self.time})
