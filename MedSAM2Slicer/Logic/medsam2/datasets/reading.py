"""Reading an image and its labels, whatever kind of file they are in."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from medsam2.datasets import npz_arrays
from medsam2.errors import InputError
from medsam2.volume import Geometry, Volume, read_volume

PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
LOSSY = (".jpg", ".jpeg")
HALF_WHITE = 128
INTERPOLATED = 0.01
"""Labels stored as floats may differ from whole numbers by less than this."""


def read_image(path: Path) -> Volume:
    """The image in a DICOM folder, an image file, a picture or an NPZ file; InputError names the file.

    A picture's pixels count as 1 mm, because pictures know at most a resolution for printing.
    """
    return _named(path, npz_arrays.read_image if path.suffix == ".npz" else _read_volume)


def read_labels(path: Path) -> Volume:
    """Labels as whole numbers.

    A JPEG, whose values compression blurs, is a mask of one structure: 1 where it is white.
    Raises InputError, which names the file, if it cannot be read or its values lie between labels.
    """
    volume = _named(path, npz_arrays.read_labels if path.suffix == ".npz" else _read_volume)
    if path.suffix.lower() in LOSSY:
        return Volume((volume.voxels >= HALF_WHITE).astype(np.uint8), volume.geometry)
    return Volume(_whole_numbers(path, volume.voxels), volume.geometry)


def _read_volume(path: Path) -> Volume:
    volume = read_volume(path)
    if path.suffix.lower() not in PICTURES:
        return volume
    return Volume(volume.voxels, Geometry(volume.voxels.shape, np.eye(4)))


def _named(path: Path, read: Callable[[Path], Volume]) -> Volume:
    try:
        return read(path)
    except InputError as error:
        if str(path) in str(error):
            raise
        raise InputError(f"{path}: {error}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): check the file.") from error


def _whole_numbers(path: Path, voxels: np.ndarray) -> np.ndarray:
    if voxels.dtype.kind in "iu":
        return voxels
    whole = np.rint(voxels)
    if np.abs(voxels - whole).max() >= INTERPOLATED:
        raise InputError(
            f"{path} holds values between whole numbers, as interpolation leaves them: resample labels "
            "to the nearest neighbour."
        )
    dtype = np.result_type(*(np.min_scalar_type(int(limit)) for limit in (whole.min(), whole.max())))
    return whole.astype(dtype)
