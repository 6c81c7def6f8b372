"""Reading a volume from a DICOM folder or from an image file of any usual kind."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from medsam2.errors import VolumeWarning
from medsam2.volume.files.byte_source import check_regular
from medsam2.volume.files.dicom_signature import is_dicom_file
from medsam2.volume.files.itk_file import read_itk_file
from medsam2.volume.files.nifti import is_nifti, read_nifti
from medsam2.volume.files.picture_stack import pictures_in, read_stack
from medsam2.volume.image_sequence import ONE_TIME_POINT, ImageSequence, several_volumes
from medsam2.volume.intensities import usable_intensities
from medsam2.volume.modality import guess_modality
from medsam2.volume.volume import DEFAULT_READ_OPTIONS, ReadOptions, Volume

_SOME_OTHER = "OT"
"""Modality that DICOM's writers give when they do not know it."""


def read_volume(path: str | os.PathLike, options: ReadOptions = DEFAULT_READ_OPTIONS) -> Volume:
    """Read a volume of a DICOM folder, a folder of pictures, or one file (NIfTI, NRRD, MetaImage, PNG, …).

    A 2-D image becomes a volume of one slice; a colour image becomes grey. The modality is what
    the options or DICOM say; without either an image whose intensities look like Hounsfield units is a CT.

    Raises InputError for what is missing, unreadable, empty, of several time points, a vector field, or
    not finite. Warns with VolumeWarning of what deserves a look.
    """
    path = Path(path)
    check_regular(path)
    if is_dicom(path):
        from medsam2.volume.dicom import read_dicom

        return _usable(path, read_dicom(path, options), options)
    sequence = _sequence_of_file(path)
    if sequence.times.count > 1:
        raise several_volumes(path, sequence.times.count)
    return _usable(path, sequence.volume(0), options)


def read_sequence(path: str | os.PathLike, options: ReadOptions = DEFAULT_READ_OPTIONS) -> ImageSequence:
    """The time points of an image; one without time is a sequence of one volume.

    Files are looked at, and each volume is read when it is asked for, as :func:`read_volume` reads it.
    What deserves a look is said once, not for each volume.

    Raises InputError for what is missing, damaged, or not an image.
    """
    path = Path(path)
    check_regular(path)
    said: set[str] = set()
    with _saying_once(said):
        if is_dicom(path):
            from medsam2.volume.dicom import read_dicom_sequence

            sequence = read_dicom_sequence(path, options)
        else:
            sequence = _sequence_of_file(path)

    def volume(time_point: int) -> Volume:
        sequence.times.check(time_point)
        with _saying_once(said):
            return _usable(path, sequence.volume(time_point), options)

    return ImageSequence(sequence.times, volume)


@contextmanager
def _saying_once(said: set[str]) -> Iterator[None]:
    """Leaves out notes that were ``said`` before, and adds the others to them."""
    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", VolumeWarning)
            yield
    finally:
        for each in caught:
            if str(each.message) not in said:
                said.add(str(each.message))
                warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)


def _usable(path: Path, volume: Volume, options: ReadOptions) -> Volume:
    voxels = usable_intensities(path, volume.voxels, options.nan)
    stated = None if volume.modality == _SOME_OTHER else volume.modality
    modality = options.modality or stated or guess_modality(voxels)
    return replace(volume, voxels=voxels, modality=modality)


def _sequence_of_file(path: Path) -> ImageSequence:
    """Of a file that is no DICOM, or of a folder of pictures."""
    if path.is_dir():
        stack = read_stack(path, pictures_in(path))
        return ImageSequence(ONE_TIME_POINT, lambda time_point: stack)
    return read_nifti(path) if is_nifti(path) else read_itk_file(path)


def is_dicom(path: Path) -> bool:
    """Whether :func:`read_volume` takes a file or folder for DICOM: a folder of pictures alone is none."""
    if not path.is_dir():
        return is_dicom_file(path)
    return not pictures_in(path) or any(is_dicom_file(file) for file in path.rglob("*") if file.is_file())
