"""What is drawn by hand becomes a seed on the slice where it was begun.

Of a line few positions are kept that say the same.
"""

import numpy as np
from slicer.i18n import tr as _

from medsam2.polyline import telling
from medsam2.prompt import MOST_POSITIONS
from medsam2.slice_grid import AXES

from .Seeds import BOX, LASSOS, Ras, Seed, bySlice, placed
from .SegmentationGrid import SegmentationGrid

FINEST, SHARE = 0.5, 1 / 20
"""A line is kept to half a voxel, a small one to this share of its size."""
MOST_KEPT = 200
"""Positions of one line, so that several have room on a slice."""
RIM = 0.49
"""Voxels from the centre of an outermost voxel to where the slice ends, but still within that voxel."""
SLICES_AWAY, MILLIMETRES_AWAY = 1.0, 3.0
LEAST_SIDE = 0.01
"""Voxels of a box; what is less comes of rounding."""


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
    kept = telling(onSlice, tolerance, MOST_KEPT)
    # Seven digits say a ten-thousandth of a millimetre, and more would fill the scene file.
    first, *further = (_shortened(position) for position in drawn[kept].tolist())
    return Seed(kind, first, normal, path=tuple(further))


def boxSeed(corners: np.ndarray, normal: Ras, grid: SegmentationGrid) -> Seed:
    """The seed of a box that was drawn with four corners (4, 3) in world RAS, the first where it was begun.

    Its sides are along rows and columns; in a view that is turned against them it holds all that was drawn.
    """
    dimension = AXES.index(grid.axisOf(normal))
    indices = grid.indices(corners)
    low, high = indices.min(axis=0), indices.max(axis=0)
    low[dimension] = high[dimension] = indices[0, dimension]
    isBegunLow = indices[0] - low <= high - indices[0]
    begin, end = (grid.world(np.where(which, low, high)).tolist() for which in (isBegunLow, ~isBegunLow))
    return Seed(BOX, _shortened(begin), normal, _shortened(end))


def leavesItsSlice(drawn: np.ndarray, normal: Ras, grid: SegmentationGrid) -> bool:
    """Whether what was drawn through positions (n, 3) strays so far that it would be misplaced on its slice.

    So it is in a view that is turned against the slices.
    """
    dimension = AXES.index(grid.axisOf(normal))
    along = grid.indices(drawn)[:, dimension]
    allowed = max(SLICES_AWAY, MILLIMETRES_AWAY / grid.spacing[dimension])
    return bool(np.abs(along - along[0]).max() > allowed)


def refusal(seed: Seed, seeds: list[Seed], grid: SegmentationGrid) -> str:
    """Why a seed cannot join others of its segment, and what to do; empty where it can."""
    new = placed(seed, grid)
    if new is None or any(grid.position(each, new.position.axis) is None for each in seed.positions):
        if len(seed.positions) > 1:
            return _("What you drew leaves the volume: draw it on the image.")
        return _("The click lies outside the volume: click on the image.")
    if seed.kind == BOX and _isFlat(seed, grid):
        return _("The box has no area: drag it from one corner to the opposite one.")
    if not seed.isLine:
        return ""
    if seed.kind in LASSOS and len(seed.path) < 2:
        return _("The lasso encloses nothing: draw it round the object.")
    there = bySlice([each for each in seeds if each.isLine], grid).get(new.slice, [])
    if sum(len(each.seed.positions) for each in (*there, new)) > MOST_POSITIONS:
        return _("This slice has no room for more lines: remove some of them, or draw on another slice.")
    return ""


def _isFlat(box: Seed, grid: SegmentationGrid) -> bool:
    """Whether a box is but a line on its slice."""
    sides = np.ptp(grid.indices(np.array(box.positions)), axis=0)
    return float(np.delete(sides, AXES.index(grid.axisOf(box.normal))).min()) < LEAST_SIDE


def _shortened(position: list[float]) -> Ras:
    right, anterior, superior = (float(f"{value:.7g}") for value in position)
    return right, anterior, superior
