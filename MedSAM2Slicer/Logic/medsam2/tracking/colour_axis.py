"""Colour for networks that see none: grey along the axis that tells an object from its surroundings."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from medsam2.placed_mask import PlacedMask
from medsam2.slice_grid import SliceGrid
from medsam2.volume import Slices

LUMINANCE = np.array([0.299, 0.587, 0.114])
"""Rec. 601."""
NEAR = 0.5
"""Surroundings reach so far from the object, in square roots of its area."""
NOISE = 1e-3
"""Added to the variance of each colour: what differs by less is no difference."""
WORTH = 1.5
"""How many times better than luminance an axis tells the object before it is taken."""


@dataclass(frozen=True, eq=False)
class Moments:
    """How many colours there are, with their sum (3,) and the sum of their products (3, 3)."""

    count: float
    total: np.ndarray
    products: np.ndarray

    @classmethod
    def of(cls, colours: np.ndarray) -> "Moments":
        """Of colours (N, 3), all of which together count as one."""
        colours = colours.astype(np.float64)
        count = max(len(colours), 1)
        return cls(float(len(colours) > 0), colours.sum(axis=0) / count, colours.T @ colours / count)

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.count + other.count, self.total + other.total, self.products + other.products)

    @property
    def mean(self) -> np.ndarray:
        """(3,)."""
        return self.total / self.count

    @property
    def covariance(self) -> np.ndarray:
        """(3, 3)."""
        return self.products / self.count - np.outer(self.mean, self.mean)


class GreyImages:
    """Images of which colours are shown as grey: luminance, until an object was learnt.

    Fisher's discriminant between the colours in the templates' masks and those near to them, pooled over all
    templates, each of which counts alike. Grey images stay as they are.
    """

    def __init__(self, images: Slices):
        self._images = images
        self.count = images.count
        self.axis = LUMINANCE
        self._range = (0.0, 1.0)
        self._learnt: dict[int, tuple[Moments, Moments]] = {}

    def grid(self, index: int) -> SliceGrid:
        """The voxels of one image."""
        return self._images.grid(index)

    def pixels(self, index: int) -> np.ndarray:
        """One image, (rows, columns) float32 in [0, 1]."""
        pixels = self._images.pixels(index)
        if pixels.ndim == 2:
            return pixels
        low, high = self._range
        return ((pixels @ self.axis.astype(np.float32) - low) / (high - low)).clip(0, 1).astype(np.float32)

    def learn(self, index: int, mask: PlacedMask) -> bool:
        """Learn an image's colours from the mask on it; whether images are shown otherwise from now on."""
        pixels = self._images.pixels(index)
        if pixels.ndim == 2:
            return False
        inside, near = _inside_and_near(mask.full(pixels.shape[:2]))
        self._learnt.pop(index, None)
        if inside.any() and near.any():
            self._learnt[index] = (Moments.of(pixels[inside]), Moments.of(pixels[near]))
        before = self.axis, self._range
        self.axis, self._range = self._best()
        return not np.allclose(before[0], self.axis) or not np.allclose(before[1], self._range)

    def _best(self) -> tuple[np.ndarray, tuple[float, float]]:
        if not self._learnt:
            return LUMINANCE, (0.0, 1.0)
        inside, near = zip(*self._learnt.values(), strict=True)
        one, other = sum(inside[1:], inside[0]), sum(near[1:], near[0])
        spread = (one.covariance + other.covariance) / 2 + NOISE * np.eye(3)
        difference = one.mean - other.mean
        axis = np.linalg.solve(spread, difference)

        def contrast(direction: np.ndarray) -> float:
            return float((direction @ difference) ** 2 / (direction @ spread @ direction))

        if contrast(axis) < WORTH * contrast(LUMINANCE):
            return LUMINANCE, (0.0, 1.0)
        axis = axis / np.linalg.norm(axis)
        centre = float(axis @ (one.mean + other.mean) / 2)
        half = float(abs(axis @ difference) / 2 + 2 * np.sqrt(axis @ spread @ axis))
        return axis, (centre - half, centre + half)


def _inside_and_near(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The object, and what surrounds it."""
    reach = max(2.0, NEAR * float(mask.sum()) ** 0.5)
    distance = ndimage.distance_transform_edt(~mask)
    return mask, (distance > 1) & (distance <= reach)
