"""From voxels as a file holds them to numbers that everything here computes with."""

from pathlib import Path

import numpy as np

from medsam2.errors import InputError


def usable_intensities(path: Path, voxels: np.ndarray, nan: float | None) -> np.ndarray:
    """Voxels (k, j, i), all of them finite, and none of a 64-bit whole or a longer type.

    Args:
        path: of the file, for messages.
        voxels: real numbers of any type.
        nan: replaces voxels that are not a number or infinite.

    Raises:
        InputError: there are such voxels and ``nan`` is not given or does not fit; or no usable type
            holds the numbers exactly.
    """
    if voxels.dtype.kind == "f":
        voxels = _finite(path, voxels, nan)
    if voxels.dtype.itemsize > 8 or voxels.dtype in (np.int64, np.uint64):
        voxels = _shortened(path, voxels)
    return voxels


def _finite(path: Path, voxels: np.ndarray, nan: float | None) -> np.ndarray:
    count = sum(int(np.count_nonzero(~np.isfinite(plane))) for plane in voxels)
    if not count:
        return voxels
    if nan is None:
        raise InputError(
            f"{path} holds {count} voxels that are not a number or infinite: say with --nan VALUE which "
            "intensity they are to have, such as --nan 0."
        )
    with np.errstate(over="ignore"):
        value = voxels.dtype.type(nan)
    if not np.isfinite(value):
        raise InputError(f"--nan {nan:g} is no intensity that the voxels of {path} can have: give another.")
    filled = voxels if voxels.flags.writeable else voxels.copy()
    for plane in filled:
        plane[~np.isfinite(plane)] = value
    return filled


def _shortened(path: Path, voxels: np.ndarray) -> np.ndarray:
    """The same numbers in the first of the usual types that holds them."""
    low, high = voxels.min(), voxels.max()
    if voxels.dtype.kind in "iu":
        for dtype in (np.int16, np.int32, np.uint32):
            if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
                return voxels.astype(dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        doubles = voxels.astype(np.float64)
        if np.isfinite(doubles).all() and np.array_equal(doubles.astype(voxels.dtype), voxels):
            return doubles
    raise InputError(
        f"{path} holds numbers of {8 * voxels.dtype.itemsize} bits that no shorter type can hold exactly: "
        "scale them and save the image with 32-bit numbers."
    )
