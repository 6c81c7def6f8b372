"""Reading an image and its labels, whatever kind of file they are in."""

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from medsam2.errors import InputError
from medsam2.volume import Geometry, Volume, guess_modality, read_volume

PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
LOSSY = (".jpg", ".jpeg")
HALF_WHITE = 128
INTERPOLATED = 0.01
"""Labels stored as floats may differ from whole numbers by less than this."""


def read_image(path: Path) -> Volume:
    """The image in a DICOM folder, an image file, a picture or an NPZ file; InputError names the file.

    A picture's pixels count as 1 mm, because pictures know at most a resolution for printing.
    """
    return _named(path, _npz_image if path.suffix == ".npz" else _read_volume)


def read_labels(path: Path) -> Volume:
    """Labels as whole numbers.

    A JPEG, whose values compression blurs, is a mask of one structure: 1 where it is white.
    Raises InputError, which names the file, if it cannot be read or its values lie between labels.
    """
    volume = _named(path, _npz_labels if path.suffix == ".npz" else _read_volume)
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


# NPZ files as bowang-lab's MedSAM2 reads them: ``imgs``, ``gts`` and ``spacing``.


def _npz_image(path: Path) -> Volume:
    """``imgs``, (k, j, i) or one slice (j, i); InputError if the file is missing, damaged or lacks it."""
    volume = _npz_array(path, "imgs")
    return Volume(volume.voxels, volume.geometry, guess_modality(volume.voxels))


def _npz_labels(path: Path) -> Volume:
    """``gts``, on the same grid; raises InputError likewise."""
    return _npz_array(path, "gts")


def _npz_array(path: Path, key: str) -> Volume:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            voxels = arrays[key]
            spacing = arrays["spacing"].astype(float) if "spacing" in arrays else np.ones(3)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: check the path of the file.") from None
    except KeyError:
        raise InputError(f"{path} has no array '{key}': write images as imgs and labels as gts.") from None
    # TypeError: a single array, as .npy files hold it, under this name.
    except (ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(
            f"{path} cannot be read as NPZ: it is damaged or holds Python objects; write plain arrays."
        ) from error
    if voxels.ndim == 2:
        voxels = voxels[None]
    if voxels.ndim != 3 or voxels.dtype.kind not in "iufb" or spacing.shape != (3,):
        raise InputError(f"{path} must hold {key} as numbers (slices, rows, columns) and three of spacing.")
    if not np.isfinite(voxels).all():
        raise InputError(f"{path} holds voxels that are not a number or infinite: replace them first.")
    # As SimpleITK gives it: x, y, z.
    geometry = Geometry(voxels.shape, np.diag([*spacing, 1.0]))
    return Volume(voxels.astype(np.uint8) if voxels.dtype == bool else voxels, geometry)
