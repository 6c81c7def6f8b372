"""Where a slice lies across the slices of its volume, which a tilted one does at several places at once."""

from itertools import product

import numpy as np

from medsam2.volume import VolumeSlices, anatomical_axes


def slice_heights(slices: VolumeSlices, index: int) -> tuple[int, float, float]:
    """The axis of RAS across the slices, and a slice's lowest and highest millimetre along it."""
    geometry = slices.volume.geometry
    normal = anatomical_axes(geometry)[0][slices.axis_index]
    ends: list[tuple[float, float]] = [(-0.5, count - 0.5) for count in geometry.shape]
    ends[slices.axis_index] = (index, index)
    heights = geometry.kji_to_ras(np.array(list(product(*ends))))[:, normal]
    return normal, float(heights.min()), float(heights.max())
