"""Small pictures of the images of a set, for a person to choose from."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK

from medsam2.complete_file import complete_file
from medsam2.errors import InputError
from medsam2.image_sets.pictures import read_picture
from medsam2.image_sets.set_folder import SetFolder

SIDE = 320
"""Pixels of the longer side."""


def make_thumbnails(folder: SetFolder) -> Iterator[str]:
    """Write those that are missing; yields the names of the images.

    Images that cannot be read get none: the run says why.
    """
    folder.thumbnails.mkdir(exist_ok=True)
    with folder.review() as review:
        records = review.records()
    for record in sorted(records, key=lambda each: each.index):
        if folder.thumbnail(record.name).exists():
            continue
        try:
            pixels = read_picture(record.path).pixels
        except InputError:
            continue
        _write(folder.thumbnail(record.name), pixels)
        yield record.name


def _write(path: Path, pixels: np.ndarray) -> None:
    """As JPEG, of pixels in [0, 1]: (rows, columns) grey, or (rows, columns, 3) colour."""
    image = SimpleITK.GetImageFromArray((255 * pixels).astype(np.uint8), isVector=pixels.ndim == 3)
    factor = max(round(max(pixels.shape[:2]) / SIDE), 1)
    small = SimpleITK.BinShrink(image, [min(factor, size) for size in image.GetSize()])
    with complete_file(path) as unfinished:
        SimpleITK.WriteImage(small, str(unfinished))
