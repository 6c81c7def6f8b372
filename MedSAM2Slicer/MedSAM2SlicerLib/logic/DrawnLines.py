"""A line drawn by hand becomes a seed: few positions that say the same, on the slice where it was begun."""

import heapq

import numpy as np

from .Seeds import LASSOS, Ras, Seed
from .SegmentationGrid import AXES, SegmentationGrid

FINEST, SHARE = 0.5, 1 / 20
"""A line is kept to half a voxel, a small one to this share of its size."""
MOST_KEPT = 200
"""Positions of one line, so that several have room on a slice."""
RIM = 0.49
"""Voxels from the centre of an outermost voxel to where the slice ends, but still within that voxel."""
SLICES_AWAY, MILLIMETRES_AWAY = 1.0, 3.0


def lineSeed(kind: str, drawn: np.ndarray, normal: Ras, grid: SegmentationGrid) -> Seed:
    """The seed of a line that was drawn through positions (n, 3) in world RAS.

    A lasso that leaves the volume follows its rim instead: objects often end where the volume does.
    """
    dimension = AXES.index(grid.axisOf(normal))
    indices = grid.indices(drawn)
    within = np.clip(indices, -RIM, np.array(grid.shape) - 1 + RIM)
    if kind in LASSOS and (within == indices).all(axis=1).any():
        within[:, dimension] = indices[:, dimension]
        indices, drawn = within, grid.world(within)
    onSlice = np.delete(indices, dimension, axis=1)
    tolerance = min(FINEST, float(np.ptp(onSlice, axis=0).max()) * SHARE)
    kept = _telling(onSlice, tolerance)
    # Seven digits say a ten-thousandth of a millimetre, and more would fill the scene file.
    first, *further = (_shortened(position) for position in drawn[kept].tolist())
    return Seed(kind, first, normal, path=tuple(further))


def leavesItsSlice(seed: Seed, grid: SegmentationGrid) -> bool:
    """Whether a seed reaches so far from its slice, in an oblique view, that it would be misplaced on it."""
    dimension = AXES.index(grid.axisOf(seed.normal))
    along = grid.indices(np.array(seed.positions))[:, dimension]
    allowed = max(SLICES_AWAY, MILLIMETRES_AWAY / grid.spacing[dimension])
    return bool(np.abs(along - along[0]).max() > allowed)


def distances(positions: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """From positions to the straight ways from ``starts`` to ``ends``; each (n, 2), or one for all."""
    ways = ends - starts
    lengths = np.maximum((ways**2).sum(axis=-1), np.finfo(float).tiny)
    shares = np.clip(((positions - starts) * ways).sum(axis=-1) / lengths, 0, 1)
    return np.linalg.norm(positions - starts - shares[..., None] * ways, axis=-1)


def _telling(line: np.ndarray, tolerance: float) -> list[int]:
    """Which positions (n, 2) to keep: the sharpest bends first, until no other lies farther from the line.

    It is Douglas and Peucker's rule (1973), which stops where as many are kept as have room.
    """
    kept, parts = {0, len(line) - 1}, [_farthest(line, 0, len(line) - 1)]
    while len(kept) < MOST_KEPT:
        nearness, first, middle, last = heapq.heappop(parts)
        if -nearness <= tolerance:
            break
        kept.add(middle)
        for part in ((first, middle), (middle, last)):
            heapq.heappush(parts, _farthest(line, *part))
    return sorted(kept)


def _farthest(line: np.ndarray, first: int, last: int) -> tuple[float, int, int, int]:
    """Of the positions between two: minus how far from the straight way one lies, the first, it, the last."""
    between = distances(line[first + 1 : last], line[first], line[last])
    if not len(between):
        return 0.0, first, first, last
    middle = int(between.argmax())
    return -float(between[middle]), first, first + 1 + middle, last


def _shortened(position: list[float]) -> Ras:
    right, anterior, superior = (float(f"{value:.7g}") for value in position)
    return right, anterior, superior
