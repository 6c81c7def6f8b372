"""From voxels as a file holds them to intensities that everything here computes with, and their padding."""

import itertools
from pathlib import Path

import numpy as np

from medsam2.errors import InputError, note

_LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
_WITH_ALPHA = 4
_SAMPLE_VOXELS = 2_000_000
_LEAST_SHARE = 1e-3
"""Of the voxels that padding takes."""
_LEAST_GAP = 0.1
"""Between padding and the bulk of what was measured, as a share of the range of that."""
_AIR = -1100
"""Hounsfield units below those of air: padding of this kind may have more padding above it."""


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
            f"{path} holds {count} voxels that are not a number or infinite: replace them in the file, or "
            "say which intensity they are to have (--nan 0 of medsam2 segment and info, batch's column nan)."
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


def grey_of_colours(path: Path, voxels: np.ndarray) -> np.ndarray:
    """Luminance (…) of colours (…, component): red, green, blue, and alpha, which counts for nothing.

    Warns that the image is in colour, unless all of it is grey.

    Raises:
        InputError: the components are no colours: a vector field, a complex image, a tensor.
    """
    if voxels.dtype.kind != "u" or voxels.shape[-1] not in (3, _WITH_ALPHA):
        raise InputError(f"{path} holds more than one number per voxel: give an image of plain intensities.")
    if any((plane[..., 1:3] != plane[..., :1]).any() for plane in voxels):
        note(f"{path} is in colour: its brightness is segmented.")
    return np.stack([luminance(plane) for plane in voxels]) if voxels.ndim == 4 else luminance(voxels)


def luminance(plane: np.ndarray) -> np.ndarray:
    """Of colours (…, component), in their own type."""
    return np.rint(plane[..., :3] @ np.array(_LUMINANCE)).astype(plane.dtype)


def sample(voxels: np.ndarray) -> np.ndarray:
    """View of every n-th voxel along each axis, small enough to sort: no copy of the volume is made."""
    views = (voxels[::step, ::step, ::step] for step in itertools.count(1))
    return next(view for view in views if view.size <= _SAMPLE_VOXELS)


@np.errstate(over="ignore")
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
