"""How objects are tracked through slices: the same object from who asks for it to the backend."""

from dataclasses import dataclass
from typing import Literal

from medsam2.orientations import Orientations

Direction = Literal["both", "forward", "backward"]


@dataclass(frozen=True)
class PropagationOptions:
    """What is asked of a propagation, but for axis and objects.

    Attributes:
        start: slice to start from; None for all prompted slices. Where all objects are prompted on it they
            are tracked anew; else it counts in one direction only.
        direction: towards higher slices, lower ones, or both.
        first, last: limits of the range, both included; None for the volume's end.
        absent_stop: a direction ends after so many slices without the object; None never stops.
        orientations: ways through the volume whose answers are fused: 1, 3 or 6.
    """

    start: int | None = None
    direction: Direction = "both"
    first: int = 0
    last: int | None = None
    absent_stop: int | None = 2
    orientations: Orientations = 1

    def covers(self, slice_index: int) -> bool:
        """Whether a slice lies within the range."""
        return self.first <= slice_index and (self.last is None or slice_index <= self.last)
