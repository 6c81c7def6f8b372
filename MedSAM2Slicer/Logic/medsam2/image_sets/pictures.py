"""One picture as the network is shown it, and how viewers turn it."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK

from medsam2.errors import InputError, VolumeWarning
from medsam2.volume import Geometry, Volume, choose_window, read_volume
from medsam2.volume.dicom import list_volumes, read_dicom_colours
from medsam2.volume.files.byte_source import check_regular, opened_as_it_is
from medsam2.volume.files.dicom_signature import is_dicom_file
from medsam2.volume.files.itk_file import read_itk_image
from medsam2.volume.files.picture_wholeness import MOST_PIXELS, check_tiff, too_large, whole_picture

PICTURE_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
UPRIGHT = 1
ORIENTATION = 0x0112
"""The tag of EXIF that says how viewers turn a picture."""
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BY_PILLOW = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"GIF8", b"RIFF")
_START = 26
_DEEP_COLOURS = ((16, 2), (16, 6))
"""Bits and kind in the header of a PNG of which Pillow keeps half of the bits."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture on the pixel grid of its file, as ITK, Slicer and ``medsam2 segment`` have it.

    Attributes:
        pixels: float32 in [0, 1], (rows, columns) grey or (rows, columns, 3) colour. 8 bits are shown as they
            are, all else through a window.
        orientation: EXIF's number for how a viewer turns it, from 1, which is not at all.
    """

    pixels: np.ndarray
    orientation: int = UPRIGHT

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.pixels.shape[:2]
        return rows, columns


def read_picture(path: Path) -> Picture:
    """Read a PNG, JPEG, TIFF, BMP, GIF, WebP or DICOM file, or a single slice of a kind that ITK knows.

    What is transparent is shown as if it was not. No pixel is decoded of a picture that is too large.

    Raises:
        InputError: it is missing, damaged, too large, no picture, or holds several.
    """
    check_regular(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder: give the pictures in it one by one, or the folder as images.")
    with opened_as_it_is(path) as file:
        start = file.read(_START)
    if not start:
        raise InputError(f"{path} is empty: copy or download it again.")
    with warnings.catch_warnings():
        # Of sizes in millimetres and places in patients, which mean nothing here.
        warnings.simplefilter("ignore", VolumeWarning)
        if is_dicom_file(path):
            return Picture(_dicom(path))
        if start.startswith(_TIFF):
            return Picture(_tiff(path))
        if start.startswith(_BY_PILLOW):
            return _through_pillow(
                path, is_deep=tuple(start[24:26]) in _DEEP_COLOURS and start[1:4] == b"PNG"
            )
        if path.suffix.lower() in PICTURE_SUFFIXES:
            raise InputError(f"{path} is no picture, whatever its name says: copy or download it again.")
        return Picture(_single_slice(read_volume(path), path))


def _through_pillow(path: Path, is_deep: bool) -> Picture:
    with whole_picture(path) as picture:
        orientation = picture.getexif().get(ORIENTATION, UPRIGHT)
        if is_deep:
            values = SimpleITK.GetArrayFromImage(read_itk_image(path))[..., :3]
        elif picture.mode[0] in "IF":  # more than 8 bits
            values = np.asarray(picture)
        else:
            values = np.asarray(picture.convert("L" if picture.mode in ("1", "L", "LA") else "RGB"))
    return Picture(_shown(path, values), orientation if orientation in range(1, 9) else UPRIGHT)


def _tiff(path: Path) -> np.ndarray:
    layout = check_tiff(path)
    if layout.pages > 1:
        raise InputError(f"{path} holds {layout.pages} pages: save each as a picture of its own.")
    if layout.orientation != UPRIGHT:
        raise InputError(f"{path} is stored turned or flipped, as its header says: save it as it is shown.")
    _check_size(path, layout.shape)
    values = SimpleITK.GetArrayFromImage(read_itk_image(path))
    if values.ndim == 3 and values.shape[2] not in (3, 4):
        raise InputError(f"{path} holds {values.shape[2]} numbers per pixel: save it in grey or in colour.")
    return _shown(path, values[..., :3] if values.ndim == 3 else values)


def _dicom(path: Path) -> np.ndarray:
    volumes = list_volumes(path)
    images = sum(each.shape[0] for each in volumes)
    if images > 1:
        raise InputError(f"{path} holds {images} images: save each as a picture of its own.")
    _check_size(path, volumes[0].shape[1:])
    colours = read_dicom_colours(path)
    return _single_slice(read_volume(path), path) if colours is None else _shown(path, colours)


def _single_slice(volume: Volume, path: Path) -> np.ndarray:
    if volume.geometry.shape[0] > 1:
        raise InputError(
            f"{path} holds {volume.geometry.shape[0]} slices: save each as a picture of its own."
        )
    return choose_window(volume).apply(volume.voxels[0])


def _check_size(path: Path, shape: tuple[int, int]) -> None:
    if shape[0] * shape[1] > MOST_PIXELS:
        raise too_large(path)


def _shown(path: Path, values: np.ndarray) -> np.ndarray:
    """Values (rows, columns) or (rows, columns, 3) in [0, 1], all colours through one window."""
    if values.dtype == np.uint8:
        return values.astype(np.float32) / 255
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError(f"{path} holds pixels that are not a number or infinite: replace them first.")
    planes = values[None] if values.ndim == 2 else np.moveaxis(values, 2, 0)
    return choose_window(Volume(planes, Geometry(planes.shape, np.eye(4)))).apply(values)
