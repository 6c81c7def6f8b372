"""Writing labelmaps and volumes in the formats of NIfTI and ITK."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK

from medsam2.complete_file import complete_file
from medsam2.errors import InputError
from medsam2.volume.files.itk_file import read_itk_image, write_itk_image
from medsam2.volume.files.nifti import is_named_nifti, read_nifti, write_nifti
from medsam2.volume.geometry import Geometry

IMAGE_FORMATS = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd", ".mha")
DICOM_FORMATS = (".rtstruct.dcm", ".dcm")
"""A structure set, and a segmentation; :mod:`medsam2.volume.dicom.output` writes both."""
OUTPUT_FORMATS = IMAGE_FORMATS + DICOM_FORMATS
END_WITH_ANOTHER = f"end the name with {', '.join(IMAGE_FORMATS[:-1])} or {IMAGE_FORMATS[-1]}"
"""What to do where DICOM cannot be written."""


def output_format(path: str | os.PathLike, formats: Sequence[str] = OUTPUT_FORMATS) -> str:
    """The suffix of ``path``, which says how to write it; for an unknown one InputError lists the known."""
    name = Path(path).name
    for suffix in formats:
        if name.endswith(suffix) and name != suffix:
            return suffix
    raise InputError(f"{name} names no known format: end the name with {', '.join(formats)}.")


def write_labelmap(path: str | os.PathLike, labels: np.ndarray, geometry: Geometry) -> None:
    """Write labels (k, j, i), uint8 or uint16, 0 for background, as .nii.gz, .nii, .nrrd or .mha.

    Raises InputError for another suffix and for whatever :func:`complete_file` refuses.
    """
    if output_format(path, IMAGE_FORMATS) == ".seg.nrrd":
        raise InputError(
            f"{Path(path).name} names a segmentation: end the name of a labelmap with .nrrd alone."
        )
    write_image(path, geometry.to_image(labels))


def write_volume(path: str | os.PathLike, voxels: np.ndarray, geometry: Geometry) -> None:
    """Write intensities (k, j, i) as an image file; raises InputError as :func:`write_labelmap` does."""
    output_format(path, IMAGE_FORMATS)
    write_image(path, geometry.to_image(voxels))


def write_image(path: str | os.PathLike, image: SimpleITK.Image) -> None:
    """Write an image with its geometry and keys, and see that it arrived; InputError if it did not."""
    with complete_file(path) as unfinished:
        try:
            if is_named_nifti(unfinished):
                write_nifti(unfinished, SimpleITK.GetArrayViewFromImage(image), Geometry.from_image(image))
                written = read_nifti(unfinished).volume(0).voxels
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
