"""Smooth noise and the brush that paints random body parts into a label volume.

All positions and radii are in voxels of an isotropic grid; axes are ordered (k, j, i).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike


@lru_cache(maxsize=256)
def _spline_weights(cells: int, samples: int) -> np.ndarray:
    """Weights (samples, cells + 3) of a uniform cubic B-spline over ``cells`` intervals."""
    position = np.linspace(0, cells, samples, endpoint=False)
    first = position.astype(int)
    x = position - first
    basis = np.stack([(1 - x) ** 3, 3 * x**3 - 6 * x**2 + 4, -3 * x**3 + 3 * x**2 + 3 * x + 1, x**3]) / 6
    weights = np.zeros((samples, cells + 3), np.float32)
    for offset in range(4):
        weights[np.arange(samples), first + offset] = basis[offset]
    return weights


def smooth_noise(
    rng: np.random.Generator, shape: tuple[int, int, int], cells: tuple[int, int, int]
) -> np.ndarray:
    """Smooth random field of about unit deviation, (k, j, i) float32, with ``cells`` waves or so per axis."""
    control = rng.standard_normal([count + 3 for count in cells], dtype=np.float32) * 3
    weights = [_spline_weights(count, samples) for count, samples in zip(cells, shape, strict=True)]
    rows = weights[1] @ (control @ weights[2].T)
    return (weights[0] @ rows.reshape(rows.shape[0], -1)).reshape(shape)


def smooth_curve(
    rng: np.random.Generator, start: np.ndarray, heading: np.ndarray, length: float, bend: float
) -> np.ndarray:
    """Random walk with a slowly turning heading: points (n, 3) one voxel apart.

    ``bend`` is the typical turn per voxel in radians.
    """
    steps = max(int(length), 2)
    turns = rng.standard_normal((steps // 8 + 2, 3)) * bend
    turns = np.stack([np.interp(np.arange(steps) / 8, np.arange(len(turns)), axis) for axis in turns.T], 1)
    headings = np.empty((steps, 3))
    for step, turn in enumerate(turns):
        heading = heading + turn
        heading = heading / np.linalg.norm(heading)
        headings[step] = heading
    return start + np.cumsum(headings, 0)


def random_direction(rng: np.random.Generator) -> np.ndarray:
    """Unit vector (3,), uniform on the sphere."""
    vector = rng.standard_normal(3)
    return vector / np.linalg.norm(vector)


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """Orthonormal matrix (3, 3) with random orientation; rows are the axes."""
    return np.linalg.qr(rng.standard_normal((3, 3)))[0]


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between ``low`` and ``high`` whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


@dataclass
class Canvas:
    """Label volumes under construction: ``tissues`` and ``objects``, (k, j, i) uint8.

    ``twins`` are the objects that lie in a row of their own kind.
    """

    tissues: np.ndarray
    objects: np.ndarray
    count: int = 0
    twins: list[int] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along (k, j, i)."""
        return self.tissues.shape

    @property
    def full(self) -> bool:
        """Whether the 8-bit object numbers are nearly used up."""
        return self.count >= 250

    def new_object(self) -> int:
        """The next unused object number."""
        self.count = min(self.count + 1, 255)
        return self.count

    def new_twin(self) -> int:
        """The next unused object number, for one of a row of alike objects."""
        self.twins.append(self.new_object())
        return self.count

    def box(self, centre: np.ndarray, reach: float) -> tuple[slice, slice, slice] | None:
        """The part of the volume within ``reach`` of ``centre`` along each axis, None where outside."""
        low = np.maximum(np.floor(centre - reach).astype(int), 0)
        high = np.minimum(np.ceil(centre + reach).astype(int) + 1, self.shape)
        if not (low < high).all():
            return None
        k, j, i = map(slice, low, high)
        return k, j, i

    def fill(
        self, box: tuple[slice, slice, slice], mask: np.ndarray, tissue: int, number: int | None
    ) -> None:
        """Paint ``mask`` within ``box``; ``number`` None keeps the objects that are there."""
        self.tissues[box][mask] = tissue
        if number is not None:
            self.objects[box][mask] = number

    def ball(self, centre: np.ndarray, radii: np.ndarray, tissue: int, number: int | None) -> None:
        """Paint an ellipsoid whose half axes ``radii`` (3,) lie along the grid."""
        box = self.box(centre, float(radii.max()))
        if box is None:
            return
        k, j, i = (
            ((np.arange(part.start, part.stop) - middle) / radius) ** 2
            for part, middle, radius in zip(box, centre, radii, strict=True)
        )
        self.fill(box, k[:, None, None] + j[:, None] + i <= 1, tissue, number)

    def tube(
        self,
        curve: np.ndarray,
        radius: np.ndarray,
        tissue: int,
        number: int | None,
        squash: ArrayLike = (1, 1, 1),
    ) -> None:
        """Paint a tube round ``curve`` (n, 3) with one ``radius`` per point, (n,), scaled by ``squash``."""
        scale = np.asarray(squash, float)
        position = 0.0
        while position < len(curve):
            index = int(position)
            self.ball(curve[index], np.maximum(radius[index] * scale, 0.7), tissue, number)
            position += max(1.0, radius[index] * float(scale.min()) / 3)

    def grid(self, box: tuple[slice, slice, slice], centre: np.ndarray, axes: np.ndarray) -> list[np.ndarray]:
        """Coordinates of the box's voxels along the rows of ``axes``, relative to ``centre``."""
        k, j, i = (
            np.arange(part.start, part.stop, dtype=np.float32) - np.float32(middle)
            for part, middle in zip(box, centre, strict=True)
        )
        return [
            axis[0] * k[:, None, None] + axis[1] * j[:, None] + axis[2] * i
            for axis in axes.astype(np.float32)
        ]

    def blob(
        self,
        rng: np.random.Generator,
        centre: np.ndarray,
        radii: np.ndarray,
        layers: Sequence[tuple[float, int]],
        number: int | None,
    ) -> None:
        """Paint a randomly turned ellipsoid with a noise-deformed outline.

        ``layers`` holds pairs (depth in voxels under the surface, tissue), outermost first.
        """
        box = self.box(centre, float(radii.max()) * 1.4)
        if box is None:
            return
        axes = self.grid(box, centre, random_rotation(rng))
        level = np.sqrt(sum((axis / radius) ** 2 for axis, radius in zip(axes, radii, strict=True)))
        cells = int(rng.integers(2, 6))
        level += smooth_noise(rng, level.shape, (cells,) * 3) * np.float32(rng.uniform(0.02, 0.16))
        depth = (1 - level) * np.float32(radii.min())
        for under, tissue in layers:
            self.fill(box, depth >= under, tissue, number)
