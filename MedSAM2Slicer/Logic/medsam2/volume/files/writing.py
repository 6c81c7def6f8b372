"""Writing image files so that a file bears its name only once it is complete."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import SimpleITK

from medsam2.errors import InputError
from medsam2.volume.geometry import Geometry
from medsam2.volume.files.itk_file import read_itk_image, write_itk_image
from medsam2.volume.files.nifti import is_named_nifti, read_nifti
from medsam2.volume.nifti_writing import write_nifti

OUTPUT_FORMATS = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd", ".mha")
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_ACCESS = (errno.EACCES, errno.EPERM, errno.EROFS)


def output_format(path: str | os.PathLike) -> str:
    """The suffix of ``path``, which says how to write it; for an unknown one InputError lists the known."""
    name = Path(path).name
    for suffix in OUTPUT_FORMATS:
        if name.endswith(suffix) and name != suffix:
            return suffix
    raise InputError(f"{name} names no known format: end the name with {', '.join(OUTPUT_FORMATS)}.")


@contextmanager
def complete_file(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a path to write to; what was written there becomes ``path`` if the block ends without an error.

    The path bears the same file name in a hidden folder beside ``path``, so that writers which go by
    the suffix do the same there, and the last step is a rename within one file system. After an
    error nothing is left of it, and an older file called ``path`` is as it was.

    Raises InputError if the folder is missing or closed to writing, or if the disk is full.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise InputError(f"The folder {path.parent} does not exist: create it first, or choose another.")
    if path.is_dir():
        raise InputError(f"{path} is a folder: give the name of a file to write.")
    with hidden_folder_beside(path) as folder:
        unfinished = folder / path.name
        yield unfinished
        os.replace(unfinished, path)


@contextmanager
def hidden_folder_beside(path: Path) -> Iterator[Path]:
    """A folder for what is to become ``path``, in the same file system, so that the last step is a rename.

    Raises InputError if the folder of ``path`` is closed to writing, or if the disk is full.
    """
    with (
        explained_write_errors(path),
        tempfile.TemporaryDirectory(prefix=".incomplete-", dir=path.parent) as folder,
    ):
        yield Path(folder)


@contextmanager
def explained_write_errors(path: Path) -> Iterator[None]:
    """Raise InputError, which names ``path``, for a full disk, a folder closed to writing, or the like."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise InputError(
                f"{path} was not written: the disk is full; free some space and try again."
            ) from error
        if error.errno in _NO_ACCESS:
            raise InputError(
                f"{path} was not written: the folder may not be written to; choose another."
            ) from error
        if error.errno and error.strerror:  # of the system: others are no fault of the disk
            raise InputError(f"{path} was not written ({error.strerror}): choose another folder.") from error
        raise


def write_labelmap(path: str | os.PathLike, labels: np.ndarray, geometry: Geometry) -> None:
    """Write labels (k, j, i), uint8 or uint16, 0 for background, as .nii.gz, .nii, .nrrd or .mha.

    Raises InputError for another suffix and for whatever :func:`complete_file` refuses.
    """
    if output_format(path) == ".seg.nrrd":
        raise InputError(
            f"{Path(path).name} names a segmentation: end the name of a labelmap with .nrrd alone."
        )
    write_image(path, geometry.to_image(labels))


def write_volume(path: str | os.PathLike, voxels: np.ndarray, geometry: Geometry) -> None:
    """Write intensities (k, j, i) as an image file; raises InputError as :func:`write_labelmap` does."""
    output_format(path)
    write_image(path, geometry.to_image(voxels))


def write_image(path: str | os.PathLike, image: SimpleITK.Image) -> None:
    """Write an image with its geometry and keys, and see that it arrived; InputError if it did not."""
    with complete_file(path) as unfinished:
        try:
            if is_named_nifti(unfinished):
                write_nifti(unfinished, SimpleITK.GetArrayViewFromImage(image), Geometry.from_image(image))
                written = read_nifti(unfinished).voxels
            else:
                write_itk_image(unfinished, image)
                written = SimpleITK.GetArrayFromImage(read_itk_image(unfinished))
            # Some writers say nothing when the disk runs full, so only reading back tells.
            complete = np.array_equal(written, SimpleITK.GetArrayViewFromImage(image))
        except (RuntimeError, InputError):
            complete = False
        if not complete:
            raise InputError(
                f"{path} was not written completely: free some disk space, or choose another folder."
            )
