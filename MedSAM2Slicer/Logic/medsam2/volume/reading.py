"""Reading a volume from a DICOM folder or from an image file of any usual kind."""

import os
from pathlib import Path

import numpy as np
import SimpleITK

from medsam2.errors import InputError
from medsam2.volume.geometry import Geometry
from medsam2.volume.intensities import usable_intensities
from medsam2.volume.itk_file import components_to_grey, read_itk_file
from medsam2.volume.modality import guess_modality
from medsam2.volume.read_options import DEFAULT_READ_OPTIONS, ReadOptions
from medsam2.volume.volume import Volume
from medsam2.volume.volume_warning import note

_MODALITY, _POSITION = "0008|0060", "0020|0032"


def read_volume(path: str | os.PathLike, options: ReadOptions = DEFAULT_READ_OPTIONS) -> Volume:
    """Read a folder that holds one DICOM series, or one image file (NIfTI, NRRD, MetaImage, DICOM, PNG, …).

    A 2-D image becomes a volume of one slice; a colour image becomes grey. The modality is what
    DICOM says; a file without it counts as CT if its range is that of Hounsfield units (air near
    -1000, padding to about -3024), else it has none.

    Raises InputError for what is missing, unreadable, empty, of several time points, a vector field, or
    not finite. Warns with VolumeWarning of what deserves a look.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist: check the path of the image.")
    volume = _read_folder(path) if path.is_dir() else read_itk_file(path)
    voxels = usable_intensities(path, volume.voxels, options.nan)
    modality = options.modality or volume.modality or guess_modality(voxels)
    return Volume(voxels, volume.geometry, modality)


def _read_folder(folder: Path) -> Volume:
    names = _series_files(folder)
    if len(names) == 1:
        return read_itk_file(Path(names[0]))
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(names)
    reader.MetaDataDictionaryArrayUpdateOn()
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise InputError(
            f"{folder} cannot be read as an image: a file may be damaged or of another size than the rest."
        ) from error
    _check_positions(folder, image, [_tag(reader, index, _POSITION) for index in range(len(names))])
    geometry = Geometry.from_image(image)
    voxels = components_to_grey(folder, image).reshape(geometry.shape)
    return Volume(voxels, geometry, _tag(reader, 0, _MODALITY) or None)


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
        note(
            f"The slices in {folder} are not evenly spaced along their normal (a slice may be missing, or "
            "the gantry was tilted): positions and distances in millimetres are approximate."
        )
