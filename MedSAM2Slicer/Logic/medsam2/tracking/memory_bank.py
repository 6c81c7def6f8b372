"""Memories of slices, and SAM 2's rule for which of them the next slice looks at."""

import math
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
from torch import Tensor

from medsam2.errors import InputError
from medsam2.model.config import NetworkConfig
from medsam2.model.segmentation_network import ABSENT_LOGIT, MaskPrediction
from medsam2.placed_mask import PlacedMask

from .drawn_lines import Box
from .field_of_view import FieldOfView


@dataclass(eq=False)
class MemoryEntry:
    """What is remembered of an object on one slice.

    Attributes:
        slice_index, field_of_view: where it was seen.
        logits: (1, 1, L, L) in ``field_of_view``, L the network's ``logit_size``.
        iou, object_score: the network's confidence.
        pointer: the object pointer, (1, dim); (1, 0) of a network without a memory.
        key: description of the image, (d,), of unit length.
        prompted: whether a person prompted this slice.
        allowed: where on the slice a person's lines let the object be, to the voxel; None: anywhere.
        painted: the mask to the voxel where a person gave it, or several orientations were fused.
        lead: the box, in voxels, with which ``SliceWalker`` asked for the slice; corrections add to it.
        memory, memory_field_of_view: the encoded memory (1, memory_dim, h, w) and what was seen while it was
            encoded; None until it is needed.
    """

    slice_index: int
    field_of_view: FieldOfView
    logits: Tensor
    iou: float
    object_score: float
    pointer: Tensor
    key: Tensor
    prompted: bool
    allowed: PlacedMask | None = None
    painted: PlacedMask | None = None
    lead: Box | None = None
    memory: Tensor | None = field(default=None, repr=False)
    memory_field_of_view: FieldOfView | None = None

    @classmethod
    def predicted(
        cls,
        slice_index: int,
        field_of_view: FieldOfView,
        prediction: MaskPrediction,
        key: Tensor,
        prompted: bool,
    ) -> "MemoryEntry":
        """What a network answered for one object.

        Raises:
            InputError: it answered with no numbers.
        """
        iou, object_score = float(prediction.iou[0]), float(prediction.object_score[0])
        if not (math.isfinite(iou) and math.isfinite(object_score)):
            raise InputError("These weights answer with no numbers, as damaged ones do: take other weights.")
        return cls(
            slice_index,
            field_of_view,
            prediction.logits,
            iou,
            object_score,
            prediction.pointer,
            key,
            prompted,
        )

    def mask(self, shape: tuple[int, int]) -> PlacedMask:
        """The object on the slice, which is of ``shape``."""
        mask = self.painted
        if mask is None:
            mask = self.field_of_view.mask_on_slice(self.logits[0, 0].float().cpu(), shape)
        if self.allowed is None:
            return mask
        return PlacedMask.cropped(mask.full(shape) & self.allowed.full(shape))

    @property
    def is_drawn(self) -> bool:
        """Whether the mask is a person's, and no network's."""
        return self.prompted and self.painted is not None

    @property
    def bytes(self) -> int:
        """Memory that it takes, the encoded memory left out."""
        return sum(part.nbytes for part in (self.logits, self.pointer, self.key))

    def emptied(self) -> "MemoryEntry":
        """The same slice without the object."""
        logits = torch.full_like(self.logits, ABSENT_LOGIT)
        return replace(self, logits=logits, iou=0.0, object_score=ABSENT_LOGIT, painted=None)


@dataclass(frozen=True)
class Selection:
    """The memories that a slice looks at.

    Attributes:
        entries: in any order.
        time_index: for each entry its row of the temporal codes; None for a bank without an order.
        pointers: entries whose object pointers are attended to, with their signed, normalised distance.
        log_weights: of each entry, (N,), or None for equal weights.
    """

    entries: list[MemoryEntry]
    time_index: list[int] | None = None
    pointers: list[tuple[MemoryEntry, float]] = field(default_factory=list)
    log_weights: Tensor | None = None


class MemoryBank(Protocol):
    """The memories of one object."""

    def add(self, entry: MemoryEntry) -> None:
        """Remember a slice; replaces what was remembered of the same slice."""

    def forget(self, slice_index: int) -> None:
        """Forget a slice."""

    def forget_tracked(self) -> None:
        """Forget all slices but those that a person prompted."""

    def select(self, slice_index: int, reverse: bool, count: int, query: Tensor) -> Selection:
        """The memories for a slice, of ``count`` in all, whose image is described by ``query`` (d,)."""


class NoBank:
    """That of an object whose network does not remember."""

    def add(self, entry: MemoryEntry) -> None:
        """Nothing is remembered."""

    def forget(self, slice_index: int) -> None:
        """There is nothing to forget."""

    def forget_tracked(self) -> None:
        """There is nothing to forget."""

    def select(self, slice_index: int, reverse: bool, count: int, query: Tensor) -> Selection:
        """Nothing to look at."""
        return Selection([])


class TemporalBank:
    """SAM 2's rule: every prompted slice, the six slices before, and the object pointers.

    Source: ``SAM2Base._prepare_memory_conditioned_features``. "Before" means the direction of tracking.
    """

    def __init__(self, config: NetworkConfig):
        self._slots = config.memory_frames
        self._pointer_frames = config.pointer_frames
        self._prompted: dict[int, MemoryEntry] = {}
        self._tracked: dict[int, MemoryEntry] = {}

    def add(self, entry: MemoryEntry) -> None:
        """Remember a slice."""
        self.forget(entry.slice_index)
        (self._prompted if entry.prompted else self._tracked)[entry.slice_index] = entry

    def forget(self, slice_index: int) -> None:
        """Forget a slice."""
        self._prompted.pop(slice_index, None)
        self._tracked.pop(slice_index, None)

    def forget_tracked(self) -> None:
        """Forget all slices that were only tracked."""
        self._tracked.clear()

    def select(self, slice_index: int, reverse: bool, count: int, query: Tensor) -> Selection:
        """Prompted slices take the last temporal code, the slice d steps back the code d - 1."""
        step = 1 if reverse else -1
        entries = list(self._prompted.values())
        time_index = [self._slots - 1] * len(entries)
        for distance in range(self._slots - 1, 0, -1):
            entry = self._tracked.get(slice_index + step * distance)
            if entry is not None:
                entries.append(entry)
                time_index.append(distance - 1)
        return Selection(entries, time_index, self._pointers(slice_index, step, count))

    def _pointers(self, slice_index: int, step: int, count: int) -> list[tuple[MemoryEntry, float]]:
        longest = min(count, self._pointer_frames)
        scale = max(longest - 1, 1)
        pointers = []
        for prompted in self._prompted.values():
            distance = (prompted.slice_index - slice_index) * step
            if distance >= 0:  # only prompted slices that tracking has passed
                pointers.append((prompted, distance / scale))
        for distance in range(1, longest):
            entry = self._tracked.get(slice_index + step * distance)
            if entry is not None:
                pointers.append((entry, distance / scale))
        return pointers


@dataclass(frozen=True)
class TemporalMemory:
    """Settings of the temporal bank; there is nothing to set."""

    def bank(self, config: NetworkConfig) -> TemporalBank:
        """A new, empty bank for one object."""
        return TemporalBank(config)
