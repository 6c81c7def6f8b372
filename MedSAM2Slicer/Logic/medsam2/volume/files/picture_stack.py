"""A folder of pictures as a volume: each picture is a slice."""

import re
from pathlib import Path

import numpy as np
import SimpleITK

from medsam2.errors import InputError, note
from medsam2.volume.files.itk_file import read_itk_image
from medsam2.volume.geometry import LPS_TO_RAS, Geometry
from medsam2.volume.intensities import grey_of_colours
from medsam2.volume.volume import Volume

_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")


def pictures_in(folder: Path) -> list[Path]:
    """The pictures that lie directly in a folder, in natural order: 2 before 10."""
    try:
        found = [path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES]
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror}): check the folder.") from error
    return sorted(
        (path for path in found if not path.name.startswith(".") and path.is_file()), key=natural_order
    )


def natural_order(path: Path) -> list[tuple[int, str]]:
    """What to sort files by so that 2 comes before 10."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts if part]


def read_stack(folder: Path, pictures: list[Path]) -> Volume:
    """A volume whose slices are the pictures, in their order, each voxel a cube of 1 mm.

    Warns of order and size, which are guesses, and of colours.

    Raises:
        InputError: a picture is damaged, or differs from the first in size or kind.
    """
    first = _pixels(pictures[0])
    voxels = np.empty((len(pictures), *first.shape), first.dtype)
    for slice_, path in zip(voxels, pictures, strict=True):
        pixels = _pixels(path)
        if (pixels.shape, pixels.dtype) != (first.shape, first.dtype):
            raise InputError(
                f"{path} is not a slice like {pictures[0].name}: it has {_kind(pixels)}, not {_kind(first)}; "
                "put the slices of one volume into a folder of their own."
            )
        slice_[...] = pixels
    if voxels.ndim == 4:
        voxels = grey_of_colours(folder, voxels)
    note(
        f"The {len(pictures)} pictures in {folder} were read as slices, from {pictures[0].name} to "
        f"{pictures[-1].name}; pictures do not tell the size of a voxel, so 1 x 1 x 1 mm is assumed."
    )
    # As ITK places a picture: columns run to the left, rows to the back.
    return Volume(voxels, Geometry(voxels.shape, LPS_TO_RAS))


def _pixels(path: Path) -> np.ndarray:
    """(rows, columns) or (rows, columns, component)."""
    image = read_itk_image(path)
    if image.GetDimension() != 2:
        raise InputError(f"{path} holds several slices: give that file itself, not the folder around it.")
    return SimpleITK.GetArrayFromImage(image)


def _kind(pixels: np.ndarray) -> str:
    colours = f" and {pixels.shape[2]} colours" if pixels.ndim == 3 else ""
    return f"{pixels.shape[1]} x {pixels.shape[0]} pixels of type {pixels.dtype}{colours}"
