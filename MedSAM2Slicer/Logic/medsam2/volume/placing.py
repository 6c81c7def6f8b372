"""Voxels of one grid placed on another, where both agree on where voxels lie."""

import numpy as np

from medsam2.errors import InputError
from medsam2.volume.geometry import Geometry

TOLERANCE = 0.1
"""Voxels by which places may differ: rounding of headers, never a shift that shows."""


def place_on_grid(voxels: np.ndarray, geometry: Geometry, grid: Geometry) -> np.ndarray:
    """Voxels (k, j, i), or (k, j, i, layer), of ``geometry`` on ``grid``, 0 where there are none.

    Cropped, extended, turned and flipped grids fit; nothing is ever resampled.

    Raises:
        InputError: voxels of the two do not coincide, or some that are not 0 lie outside ``grid``.
    """
    axes, signs, offset = _whole_voxels(geometry, grid)
    turned = np.moveaxis(voxels, axes, (0, 1, 2))[tuple(slice(None, None, sign) for sign in signs)]
    # Where the turned array's first voxel lies: a flipped axis starts at its end.
    counts = np.array(turned.shape[:3])
    start = np.where(signs > 0, offset, offset - counts + 1)
    if turned.shape[:3] == grid.shape and not start.any():
        return turned
    low, high = np.maximum(start, 0), np.minimum(start + counts, grid.shape)
    placed = np.zeros(grid.shape + turned.shape[3:], turned.dtype)
    if (low < high).all():
        inside = tuple(slice(*ends) for ends in zip(low - start, high - start, strict=True))
        placed[tuple(slice(*ends) for ends in zip(low, high, strict=True))] = turned[inside]
    if np.count_nonzero(placed) < np.count_nonzero(turned):
        raise InputError(
            "The mask reaches beyond the image: crop it to the image, or give the image that it was made on."
        )
    return placed


def _whole_voxels(geometry: Geometry, grid: Geometry) -> tuple[list[int], np.ndarray, np.ndarray]:
    """For each axis of ``grid`` the axis of ``geometry`` along it and its sign; the first voxel's place."""
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(geometry.shape) - 1)
    places = grid.ras_to_kji(geometry.kji_to_ras(corners))
    # Row: axis of geometry, column: axis of grid.
    steps = (np.linalg.inv(grid.ijk_to_ras) @ geometry.ijk_to_ras)[2::-1, 2::-1].T
    turn = np.rint(steps).astype(int)
    offset = np.rint(places[0])
    is_turn = (np.abs(turn).sum(axis=0) == 1).all() and (np.abs(turn).sum(axis=1) == 1).all()
    if not is_turn or np.abs(corners @ turn + offset - places).max() > TOLERANCE:
        raise InputError(
            "The mask is on another grid than the image: resample it to the image's spacing, size and origin."
        )
    axes = np.abs(turn).argmax(axis=0)
    return axes.tolist(), turn.sum(axis=0), offset.astype(int)
