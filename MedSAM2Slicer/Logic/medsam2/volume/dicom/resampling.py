"""Slices that form no regular grid, interpolated onto one."""

from pathlib import Path

import numpy as np

from medsam2.errors import InputError
from medsam2.volume.dicom.stack import Stack, grid
from medsam2.volume.volume import Volume

MOST_STEPS = 10
"""Slices further apart than this many steps of the grid have nothing to tell of what lies between them."""


def resampled(path: Path, stack: Stack, voxels: np.ndarray) -> Volume:
    """The volume on an even grid along the line from the first slice to the last, with their usual step.

    Between two slices, and between the pixels of one that lies beside that line, values are
    interpolated linearly.

    Raises:
        InputError: slices lie at the same place, or too far apart.
    """
    places = np.array([frame.position for frame in stack.frames])
    heights = (places - places[0]) @ stack.frames[0].normal
    gaps = np.diff(heights)
    step = float(np.median(gaps))
    if gaps.min() <= 0 or gaps.max() > MOST_STEPS * step:
        raise InputError(
            f"The slices in {path} cannot be resampled, because {stack.problem}: move those of one part "
            "into a folder of their own."
        )
    line = (places[-1] - places[0]) / heights[-1]
    count = int(heights[-1] / step + 1e-6) + 1
    geometry = grid(stack.frames, places[0], step * line, count, notes=[])
    beside = places - places[0] - heights[:, None] * line
    return Volume(_interpolated(_moved(stack, voxels, beside), heights, step * np.arange(count)), geometry)


def _moved(stack: Stack, voxels: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Slices (k, j, i) moved in their plane by (k, 3) millimetres LPS, so that they lie on the line."""
    from scipy import ndimage  # takes a while to load, and regular scans need none of it

    along_row, along_column = stack.frames[0].directions
    rows, columns = stack.frames[0].spacing or (1.0, 1.0)
    shifts = np.stack([beside @ along_column / rows, beside @ along_row / columns], axis=1)
    return np.stack(
        [
            ndimage.shift(plane.astype(np.float64), shift, order=1, mode="nearest") if shift.any() else plane
            for plane, shift in zip(voxels, shifts, strict=True)
        ]
    )


def _interpolated(voxels: np.ndarray, heights: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Slices at the ``wanted`` heights in mm, in the type of ``voxels``."""
    out = np.empty((len(wanted), *voxels.shape[1:]), voxels.dtype)
    below = np.clip(np.searchsorted(heights, wanted, side="right") - 1, 0, len(heights) - 2)
    share = (wanted - heights[below]) / (heights[below + 1] - heights[below])
    for number, (low, part) in enumerate(zip(below, share, strict=True)):
        values = (1 - part) * voxels[low] + part * voxels[low + 1]
        out[number] = np.rint(values) if voxels.dtype.kind in "iu" else values
    return out
