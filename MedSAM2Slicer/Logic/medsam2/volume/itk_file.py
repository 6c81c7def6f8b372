"""Reading the image files that SimpleITK knows."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import SimpleITK

from medsam2.errors import InputError
from medsam2.volume.geometry import Geometry
from medsam2.volume.volume import Volume

_MODALITY = "0008|0060"
_LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
# Whatever matters in ITK's own warnings is said here, in words for people.
SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)


def read_itk_file(path: Path) -> Volume:
    """Voxels and grid as the file holds them, colours as grey; the modality of a DICOM file.

    Raises:
        InputError: the file is damaged, of an unknown kind, of several time points, or a vector field.
    """
    try:
        image, modality = _read_file(path)
    except RuntimeError as error:
        raise InputError(_why_unreadable(path, str(error))) from error
    geometry = Geometry.from_image(image)
    return Volume(components_to_grey(path, image).reshape(geometry.shape), geometry, modality)


def _why_unreadable(path: Path, reason: str) -> str:
    if "orthonormal" in reason:
        return f"The axes of {path} are not at right angles: resample it onto a straight grid first."
    return (
        f"{path} cannot be read as an image: it may be damaged or of a kind that SimpleITK does not know; "
        "convert it to NIfTI, NRRD or DICOM."
    )


def _read_file(path: Path) -> tuple[SimpleITK.Image, str | None]:
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    if reader.GetDimension() > 3:
        raise InputError(f"{path} holds more than one time point: extract one 3-D volume from it first.")
    if path.name.endswith((".nii", ".nii.gz")):
        _check_nifti_whole(path, reader)
    image = reader.Execute()
    modality = reader.GetMetaData(_MODALITY) if reader.HasMetaDataKey(_MODALITY) else ""
    return image, modality.strip() or None


def _check_nifti_whole(path: Path, header: SimpleITK.ImageFileReader) -> None:
    """Look for a NIfTI file's last voxel, because ITK makes up what a truncated one lacks."""
    voxel_bytes = int(header.GetMetaData("bitpix")) // 8
    end = int(float(header.GetMetaData("vox_offset"))) + voxel_bytes * math.prod(header.GetSize())
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
        content = gzip.GzipFile(fileobj=file) if compressed else file
        try:
            file.seek(0)
            content.seek(end - 1)
            whole = len(content.read()) > 0  # up to the end, where gzip keeps its checksum
        except (EOFError, zlib.error, gzip.BadGzipFile):
            whole = False
    if not whole:
        raise InputError(f"{path} is incomplete or damaged: copy or download it again.")


def components_to_grey(path: Path, image: SimpleITK.Image) -> np.ndarray:
    """One number per voxel; of a 2-D colour image, with or without alpha, its luminance."""
    voxels = SimpleITK.GetArrayFromImage(image)
    components = image.GetNumberOfComponentsPerPixel()
    if components == 1 and voxels.dtype.kind in "iuf":
        return voxels
    flat = image.GetDimension() == 2 or image.GetSize()[2] == 1
    if flat and components in (3, 4) and voxels.dtype.kind == "u":
        return np.rint(voxels[..., :3] @ np.array(_LUMINANCE)).astype(voxels.dtype)
    raise InputError(f"{path} holds more than one number per voxel: give an image of plain intensities.")
