"""The outline of a mask on a slice, as smooth as the picture that shows it."""

import numpy as np
from scipy import ndimage

FINE = 400
"""Points of the finer grid along a mask, about the pixels that a picture gives it."""
MOST_STEPS = 8
"""Points between two voxels are no more than this."""
LEAST = 0.2
"""Of a voxel: how far the border stays from the middle of any."""


def _signed_distance(mask: np.ndarray, spacing: tuple[float, float]) -> np.ndarray:
    """Distance (rows, columns) from the border of a mask in millimetres, positive inside, without stairs.

    Smoothed, but the border still passes between the same voxels, so that none is lost.
    """
    inside = ndimage.distance_transform_edt(mask, sampling=spacing)
    distance = inside - ndimage.distance_transform_edt(~mask, sampling=spacing)
    smooth = ndimage.gaussian_filter(distance, 1.0, mode="nearest")
    least = LEAST * min(spacing)
    return np.where(mask, np.maximum(smooth, least), np.minimum(smooth, -least))


def smooth_outline(
    mask: np.ndarray, spacing: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A finer grid on which the outline of a mask lies at 0.

    Args:
        mask: (rows, columns) bool, not empty.
        spacing: millimetres between rows and between columns.

    Returns:
        Rows and columns of the grid in voxels of the mask, and the distance in millimetres at each.
    """
    padded = np.pad(mask, 2)  # so that outlines close at the border of the slice
    parts = [np.flatnonzero(padded.any(axis=1 - axis))[[0, -1]] + (-2, 3) for axis in (0, 1)]
    distance = _signed_distance(padded[tuple(slice(*part) for part in parts)], spacing)
    indices = [_finer(count) for count in distance.shape]
    between = ndimage.map_coordinates(distance, np.meshgrid(*indices, indexing="ij"), order=3, mode="nearest")
    rows, columns = (finer + part[0] - 2 for finer, part in zip(indices, parts, strict=True))
    return rows, columns, between


def _finer(count: int) -> np.ndarray:
    """Places from the first to the last of ``count`` voxels."""
    steps = int(np.clip(FINE // count, 1, MOST_STEPS))
    return np.linspace(0, count - 1, (count - 1) * steps + 1)
