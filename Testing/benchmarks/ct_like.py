"""Volumes to measure on: noise that compresses as badly as a CT's, made slice by slice."""

import numpy as np

from medsam2.volume import Geometry, Volume

SIZE = 512
"""Rows and columns of a slice."""


def ct_like_volume(slices: int, size: int = SIZE, seed: int = 0) -> Volume:
    """Int16 voxels (slices, size, size): a bright ball in a grey body, with noise; 2 mm between slices."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    from_axis = rows**2 + columns**2
    voxels = np.empty((slices, size, size), np.int16)
    for index in range(slices):
        radius = 0.2 + 0.2 * np.sin(np.pi * (index + 1) / (slices + 1))
        mean = np.where(from_axis < radius**2, 120, np.where(from_axis < 0.8, 20, -1000))
        voxels[index] = mean + 15 * generator.standard_normal((size, size), np.float32)
    return Volume(voxels, Geometry(voxels.shape, np.diag([0.8, 0.8, 2.0, 1.0])), "CT")
