"""What a training step learns from: clips of slices with the true masks of some objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor


class Clip(Protocol):
    """Consecutive slices in one field of view; every object is visible on the first."""

    @property
    def images(self) -> np.ndarray:
        """(T, S, S) float32 in [0, 1]."""

    @property
    def masks(self) -> np.ndarray:
        """(M, T, S, S) bool."""


Batch = TypeVar("Batch", bound="ClipBatch")


@dataclass(frozen=True)
class ClipBatch:
    """Clips of one size, their objects flattened into one axis.

    Attributes:
        images: (N, T, S, S) float in [0, 1].
        masks: (M, T, S, S) bool.
        clip: for each object its clip, (M,).
    """

    images: Tensor
    masks: Tensor
    clip: Tensor

    def to(self: Batch, device: torch.device) -> Batch:
        """The same batch on a device."""
        return type(self)(*(value.to(device, non_blocking=True) for value in vars(self).values()))


def collate(clips: Sequence[Clip]) -> ClipBatch:
    """Stack clips."""
    owners = [index for index, clip in enumerate(clips) for _ in clip.masks]
    return ClipBatch(
        torch.from_numpy(np.stack([clip.images for clip in clips])),
        torch.from_numpy(np.concatenate([clip.masks for clip in clips])),
        torch.tensor(owners),
    )
