"""The arrays of NPZ files as bowang-lab's MedSAM2 reads them: ``imgs``, ``gts`` and ``spacing``."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from medsam2.errors import InputError
from medsam2.volume import Geometry, Volume, guess_modality


def read_image(path: Path) -> Volume:
    """``imgs``, (k, j, i) or one slice (j, i); InputError if the file is missing, damaged or lacks it."""
    volume = _read(path, "imgs")
    return Volume(volume.voxels, volume.geometry, guess_modality(volume.voxels))


def read_labels(path: Path) -> Volume:
    """``gts``, on the same grid; raises InputError likewise."""
    return _read(path, "gts")


def _read(path: Path, key: str) -> Volume:
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
