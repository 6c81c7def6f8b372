"""Reading a volume from a DICOM folder or from any image file that SimpleITK knows."""

import gzip
import math
import os
import warnings
import zlib
from pathlib import Path

import numpy as np
import SimpleITK

from medsam2.errors import InputError
from medsam2.volume.geometry import Geometry
from medsam2.volume.read_options import DEFAULT_READ_OPTIONS, ReadOptions
from medsam2.volume.volume import Volume

_MODALITY, _POSITION = "0008|0060", "0020|0032"
_LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
# Whatever matters in ITK's own warnings is said here, in words for people.
SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)


class VolumeWarning(UserWarning):
    """The volume is usable, but something about it deserves a look."""


def read_volume(path: str | os.PathLike, options: ReadOptions = DEFAULT_READ_OPTIONS) -> Volume:
    """Read a folder that holds one DICOM series, or one image file (NIfTI, NRRD, MetaImage, DICOM, PNG, …).

    A 2-D image becomes a volume of one slice; a 2-D colour image becomes grey. The modality is what
    DICOM says; a file without it counts as CT if its range is that of Hounsfield units (air near
    -1000, padding to about -3024), else it has none.

    Raises InputError for what is missing, unreadable, empty, 4-D, a vector field, or not finite.
    Warns with VolumeWarning if a series is not evenly spaced.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist: check the path of the image.")
    try:
        image, modality = _read_folder(path) if path.is_dir() else _read_file(path)
    except RuntimeError as error:
        raise InputError(_why_unreadable(path, str(error))) from error
    geometry = Geometry.from_image(image)
    voxels = _scalar_voxels(path, image).reshape(geometry.shape)
    _check_finite(path, voxels)
    return Volume(voxels, geometry, options.modality or modality or guess_modality(voxels))


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


def _read_folder(folder: Path) -> tuple[SimpleITK.Image, str | None]:
    names = _series_files(folder)
    if len(names) == 1:
        return _read_file(Path(names[0]))
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(names)
    reader.MetaDataDictionaryArrayUpdateOn()
    image = reader.Execute()
    _check_positions(folder, image, [_tag(reader, index, _POSITION) for index in range(len(names))])
    return image, _tag(reader, 0, _MODALITY) or None


def _tag(reader: SimpleITK.ImageSeriesReader, index: int, key: str) -> str:
    return reader.GetMetaData(index, key).strip() if reader.HasMetaDataKey(index, key) else ""


def _series_files(folder: Path) -> tuple[str, ...]:
    """Files of the folder's only DICOM series, sorted along its normal."""
    reader = SimpleITK.ImageSeriesReader
    uids = reader.GetGDCMSeriesIDs(str(folder))
    series = {uid: reader.GetGDCMSeriesFileNames(str(folder), uid) for uid in uids}
    if not series:
        raise InputError(
            f"No DICOM images lie directly in {folder}: give the folder of one series, or an image file."
        )
    if len(series) > 1:
        listed = ", ".join(f"{uid or 'without UID'} ({len(names)} files)" for uid, names in series.items())
        raise InputError(
            f"{folder} holds {len(series)} DICOM series: move the one to segment into a folder of its own; "
            f"found {listed}."
        )
    return next(iter(series.values()))


def _check_positions(folder: Path, image: SimpleITK.Image, texts: list[str]) -> None:
    """Compare each slice's position with the even grid that ITK made of the series."""
    if "" in texts or len(set(texts)) < len(texts):
        raise InputError(
            f"The images in {folder} do not each have a position of their own (more than one time point?): "
            "move those of one time point into another folder."
        )
    positions = np.array([[float(number) for number in text.split("\\")] for text in texts])
    steps = np.arange(len(texts))[:, None] * image.GetSpacing()[2]
    normal = np.reshape(image.GetDirection(), (3, 3))[:, 2]
    misplaced = np.linalg.norm(np.diff(positions - steps * normal, axis=0), axis=1)
    if misplaced.max() > 0.01 * image.GetSpacing()[2]:
        warnings.warn(
            f"The slices in {folder} are not evenly spaced along their normal (a slice may be missing, or "
            "the gantry was tilted): positions and distances in millimetres are approximate.",
            VolumeWarning,
            stacklevel=2,
        )


def _scalar_voxels(path: Path, image: SimpleITK.Image) -> np.ndarray:
    """One number per voxel; of a 2-D colour image, with or without alpha, its luminance."""
    voxels = SimpleITK.GetArrayFromImage(image)
    components = image.GetNumberOfComponentsPerPixel()
    if components == 1 and voxels.dtype.kind in "iuf":
        return voxels
    flat = image.GetDimension() == 2 or image.GetSize()[2] == 1
    if flat and components in (3, 4) and voxels.dtype.kind == "u":
        return np.rint(voxels[..., :3] @ np.array(_LUMINANCE)).astype(voxels.dtype)
    raise InputError(f"{path} holds more than one number per voxel: give an image of plain intensities.")


def _check_finite(path: Path, voxels: np.ndarray) -> None:
    bad = sum(int(np.count_nonzero(~np.isfinite(plane))) for plane in voxels)
    if bad:
        raise InputError(f"{path} holds {bad} voxels that are not a number or infinite: replace them first.")


def guess_modality(voxels: np.ndarray) -> str | None:
    """``"CT"`` for voxels that look like Hounsfield units, else None."""
    is_ct = voxels.dtype.kind in "if" and -3100 <= voxels.min() <= -500 and 100 <= voxels.max() <= 32767
    return "CT" if is_ct else None
