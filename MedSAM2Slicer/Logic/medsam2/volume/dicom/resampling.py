"""Slices that form no regular grid, interpolated onto one."""

import numpy as np

from medsam2.volume.dicom.stack import Stack, grid
from medsam2.volume.volume import Volume

MOST_STEPS = 10
"""Slices further apart than this many steps of the grid have nothing to tell of what lies between them."""

_UNMOVED = 1e-3
"""Pixels; less comes from rounding."""


def can_be_resampled(stack: Stack) -> bool:
    """Whether the slices each have a position of their own, and none is too far from the next."""
    if any(frame.position is None or frame.directions is None for frame in stack.frames):
        return False
    _, heights = _positions(stack)
    gaps = np.diff(heights)
    return bool(gaps.min() > 0.1 * np.median(gaps) and gaps.max() <= MOST_STEPS * np.median(gaps))


def resampled(stack: Stack, voxels: np.ndarray) -> Volume:
    """The volume on an even grid along the line from the first slice to the last, with their usual step.

    Between two slices, and between the pixels of one that lies beside that line, values are
    interpolated linearly.
    """
    positions, heights = _positions(stack)
    step = float(np.median(np.diff(heights)))
    line = (positions[-1] - positions[0]) / heights[-1]
    count = int(heights[-1] / step + 1e-6) + 1
    geometry = grid(stack.frames, positions[0], step * line, count, notes=[])
    beside = positions - positions[0] - heights[:, None] * line
    straight = _moved(stack, voxels, beside)
    return Volume(_interpolated(straight, heights, step * np.arange(count), voxels.dtype), geometry)


def _positions(stack: Stack) -> tuple[np.ndarray, np.ndarray]:
    """Positions (k, 3) of the slices, LPS mm, and how far each lies from the first along the normal, (k,)."""
    positions = np.array([frame.position for frame in stack.frames])
    return positions, (positions - positions[0]) @ stack.frames[0].normal


def _moved(stack: Stack, voxels: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Slices (k, j, i) moved in their plane by (k, 3) millimetres LPS, so that they lie on the line."""
    from scipy import ndimage  # takes a while to load, and regular scans need none of it

    along_row, along_column = stack.frames[0].axes
    rows, columns = stack.frames[0].spacing or (1.0, 1.0)
    shifts = np.stack([beside @ along_column / rows, beside @ along_row / columns], axis=1)
    moves = np.abs(shifts).max(axis=1) > _UNMOVED
    if not moves.any():
        return voxels
    return np.stack(
        [
            ndimage.shift(plane.astype(np.float64), shift, order=1, mode="nearest") if move else plane
            for plane, shift, move in zip(voxels, shifts, moves, strict=True)
        ]
    )


def _interpolated(voxels: np.ndarray, heights: np.ndarray, wanted: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Slices at the ``wanted`` heights in mm."""
    out = np.empty((len(wanted), *voxels.shape[1:]), dtype)
    below = np.clip(np.searchsorted(heights, wanted, side="right") - 1, 0, len(heights) - 2)
    share = (wanted - heights[below]) / (heights[below + 1] - heights[below])
    for number, (low, part) in enumerate(zip(below, share, strict=True)):
        values = (1 - part) * voxels[low] + part * voxels[low + 1]
        out[number] = np.rint(values) if dtype.kind in "iu" else values
    return out
