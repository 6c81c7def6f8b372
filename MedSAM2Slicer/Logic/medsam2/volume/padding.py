"""Voxels that were never measured: what scanners and converters put where there is no image."""

import itertools

import numpy as np

_SAMPLE_VOXELS = 2_000_000
_LEAST_SHARE = 1e-3
"""Of the voxels that padding takes."""
_LEAST_GAP = 0.1
"""Between padding and the bulk of what was measured, as a share of the range of that."""
_AIR = -1100
"""Hounsfield units below those of air: padding of this kind may have more padding above it."""


def sample(voxels: np.ndarray) -> np.ndarray:
    """View of every n-th voxel along each axis, small enough to sort: no copy of the volume is made."""
    views = (voxels[::step, ::step, ::step] for step in itertools.count(1))
    return next(view for view in views if view.size <= _SAMPLE_VOXELS)


def without_padding(voxels: np.ndarray) -> tuple[np.ndarray, float | None]:
    """What was measured, sorted (N,), and the value of the padding below it, None where there is none.

    Padding is the lowest value, where many voxels share it and it lies apart from the bulk of the rest.
    What resampling mixed of padding and image counts as padding too.
    """
    measured, padding = np.sort(voxels, axis=None), None
    while padding is None or padding < _AIR:
        lowest = float(measured[0])
        rest = measured[np.searchsorted(measured, measured[0], side="right") :]
        if measured.size - rest.size < _LEAST_SHARE * voxels.size or not rest.size:
            break
        low, high = np.percentile(rest.astype(np.float64), [5, 95])
        if low - lowest <= _LEAST_GAP * (high - low):
            break
        measured, padding = rest[rest >= low - (high - low)], lowest
    return measured, padding
