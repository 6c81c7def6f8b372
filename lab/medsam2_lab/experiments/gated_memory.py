"""SAM 2's rule for memories without those slices of which the network is unsure, as SAM2Long and SAM 3 do."""

from dataclasses import dataclass

from torch import Tensor

from medsam2.model.config import NetworkConfig
from medsam2.tracking.memory_bank import MemoryEntry, Selection, TemporalBank, TemporalMemory


@dataclass(frozen=True)
class GatedMemory(TemporalMemory):
    """Settings of a gated bank.

    Attributes:
        iou_threshold: a tracked slice is a memory where the predicted IoU is above this and the object is
            there.
        gates_pointers: whether object pointers are left out as well.
        reach: the six nearest confident slices of the last ``reach``; 6 is SAM 2's rule, gated.
    """

    iou_threshold: float
    gates_pointers: bool = True
    reach: int = 6

    def bank(self, config: NetworkConfig) -> "GatedBank":
        """A new, empty bank for one object."""
        return GatedBank(config, self)


class GatedBank(TemporalBank):
    """The memories of one object."""

    def __init__(self, config: NetworkConfig, settings: GatedMemory):
        super().__init__(config)
        self._config = config
        self._settings = settings

    def copy(self) -> "GatedBank":
        """Another bank with the same memories."""
        other = GatedBank(self._config, self._settings)
        other._prompted, other._tracked = dict(self._prompted), dict(self._tracked)
        return other

    def select(self, slice_index: int, reverse: bool, count: int, query: Tensor) -> Selection:
        """As SAM 2's rule; a slice farther than six steps back has the code of six."""
        step, slots = (1 if reverse else -1), self._slots - 1
        confident = [
            (distance, entry)
            for distance in range(1, self._settings.reach + 1)
            if (entry := self._tracked.get(slice_index + step * distance)) and self._is_confident(entry)
        ]
        nearest = confident[:slots][::-1]
        entries = [*self._prompted.values(), *(entry for _, entry in nearest)]
        time_index = [slots] * len(self._prompted) + [min(distance, slots) - 1 for distance, _ in nearest]
        pointers = [
            (entry, distance)
            for entry, distance in self._pointers(slice_index, step, count)
            if entry.prompted or not self._settings.gates_pointers or self._is_confident(entry)
        ]
        return Selection(entries, time_index, pointers)

    def _is_confident(self, entry: MemoryEntry) -> bool:
        return entry.iou > self._settings.iou_threshold and entry.object_score > 0
