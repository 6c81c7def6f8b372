"""Where in an image a template's object most likely lies: where their features are most alike.

Memory attention compares place by place. An object that lies far from where the template has it is found by
the template's memory moved there.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

REACH = 2
"""Surroundings that count, in cells of the feature map round the object."""
LEAST = 0.3
"""How much alike the two places must be, as a share of the likeness of the template's with itself."""


@dataclass(frozen=True)
class Shift:
    """From a place in the template to one in the image, in cells of the feature map."""

    down: int
    right: int

    @property
    def back(self) -> "Shift":
        """The opposite way."""
        return Shift(-self.down, -self.right)

    def moved(self, cells: Tensor) -> Tensor:
        """Cells (..., h, w) moved by this; the border is repeated where nothing is known."""
        rows, columns = (
            (torch.arange(size, device=cells.device) - way).clamp(0, size - 1)
            for size, way in zip(cells.shape[-2:], (self.down, self.right), strict=True)
        )
        return cells[..., rows, :][..., columns]


def likely_shift(template: Tensor, image: Tensor, share: Tensor) -> Shift | None:
    """The shift of the object from a template to an image.

    Args:
        template, image: stride-16 features (C, h, w).
        share: of each of the template's cells that the object covers, (h, w).

    Returns:
        None where no place is alike enough, or where the object has not moved.
    """
    known, seen = _directions(template), _directions(image)
    part = known * F.max_pool2d(share[None], 2 * REACH + 1, stride=1, padding=REACH)
    height, width = share.shape
    size = (2 * height, 2 * width)  # so that nothing comes in again on the other side
    spectrum = torch.fft.rfft2(seen, s=size) * torch.fft.rfft2(part, s=size).conj()
    alike = torch.fft.irfft2(spectrum.sum(dim=0), s=size)
    down, right = divmod(int(alike.argmax()), size[1])
    shift = Shift(down - size[0] * (down >= height), right - size[1] * (right >= width))
    if shift == Shift(0, 0) or alike.max() < LEAST * (part * known).sum():
        return None
    return shift


def _directions(features: Tensor) -> Tensor:
    """What each cell has that the mean cell has not, as a unit vector."""
    features = features.float()
    return F.normalize(features - features.mean(dim=(1, 2), keepdim=True), dim=0)
