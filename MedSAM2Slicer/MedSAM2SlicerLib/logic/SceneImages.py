"""Images that are in Slicer's scene already, as files for a set."""

from pathlib import Path

import numpy as np
import slicer
from slicer.i18n import tr as _

from medsam2.errors import InputError
from medsam2.file_names import file_name

from ..SlicerTypes import MRMLNode
from .ImageSetScene import filesOf, noteFiles

GREY_OR_COLOUR = (1, 3, 4)
"""Numbers per pixel."""


def sceneImages() -> list[MRMLNode]:
    """The scene's volumes of one slice, grey or in colour; no labels."""
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return [each for each in volumes if _isImage(each)]


def exportImage(volume: MRMLNode, folder: Path) -> Path:
    """The file of an image in a set's folder: an earlier one while it has its pixels, else a new one.

    The volume stays as it is, with its place in the patient; the file has its pixels only, as they are, but
    those of 64 bits, which no TIFF has, as floating-point numbers of 32.

    Raises:
        InputError: the file cannot be written.
    """
    pixels = np.squeeze(slicer.util.arrayFromVolume(volume), 0)
    if pixels.dtype.itemsize > 4:
        pixels = pixels.astype(np.float32)
    # A set whose file has the pixels from before the volume was edited loads that file from now on.
    files = [each for each in filesOf(volume) if _holds(Path(each), pixels)]
    own = next((Path(each) for each in files if Path(each).parent == folder), None)
    if own is None:
        own = _write(pixels, folder, volume.GetName())
        files.append(str(own))
    noteFiles(volume, files)
    return own


def _isImage(volume: MRMLNode) -> bool:
    image = volume.GetImageData()
    if image is None or volume.IsA("vtkMRMLLabelMapVolumeNode"):
        return False
    columns, rows, slices = image.GetDimensions()
    return slices == 1 and min(columns, rows) > 1 and image.GetNumberOfScalarComponents() in GREY_OR_COLOUR


def _holds(path: Path, pixels: np.ndarray) -> bool:
    import SimpleITK  # takes long to load

    try:
        kept = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    except RuntimeError:  # it is gone
        return False
    return np.array_equal(np.squeeze(kept), np.squeeze(pixels), equal_nan=True)


def _write(pixels: np.ndarray, folder: Path, name: str) -> Path:
    import SimpleITK

    folder.mkdir(exist_ok=True)
    path = _free(folder, name, ".png" if pixels.dtype in (np.uint8, np.uint16) else ".tif")
    try:
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(pixels, isVector=pixels.ndim == 3), str(path))
    except RuntimeError as error:
        text = _("{path} cannot be written: check the disk, or choose another place for the results.")
        raise InputError(text.format(path=path)) from error
    return path


def _free(folder: Path, name: str, suffix: str) -> Path:
    safe = file_name(name)
    names = [safe, *(f"{safe}_{number}" for number in range(2, 10_000))]
    return next(path for each in names if not (path := folder / f"{each}{suffix}").exists())
