"""What tracking answered so far, slice by slice."""

import numpy as np
import torch

from medsam2.tracking import SliceMask
from medsam2.volume import Slices


class Answers:
    """The latest answer for each slice; a slice that was never answered is empty."""

    def __init__(self, slices: Slices):
        self._slices = slices
        self._latest: dict[int, SliceMask] = {}
        self.count = 0

    def put(self, answer: SliceMask) -> None:
        """Keep an answer in place of an earlier one; ``count`` says how many there were in all."""
        self._latest[answer.slice_index] = answer
        self.count += 1

    def mask(self, index: int, threshold: float | None = None) -> np.ndarray:
        """The mask on one slice, (rows, columns) bool: as answered, or of logits above a threshold."""
        shape = self._slices.grid(index).shape
        answer = self._latest.get(index)
        if answer is None:
            return np.zeros(shape, bool)
        if threshold is None:
            return answer.mask.full(shape)
        logits = torch.from_numpy(answer.logits)
        return answer.field_of_view.mask_on_slice(logits, shape, threshold).full(shape)

    def volume(self) -> np.ndarray:
        """The masks of all slices, (slices, rows, columns) bool; all of one shape."""
        return np.stack([self.mask(index) for index in range(self._slices.count)])
