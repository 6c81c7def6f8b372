"""Small pictures of the images of a set, for a person to choose from."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from medsam2.complete_file import complete_file
from medsam2.errors import InputError
from medsam2.image_sets.pictures import ORIENTATION, UPRIGHT, Picture, read_picture
from medsam2.image_sets.set_folder import SetFolder

SIDE = 320
"""Pixels of the longer side, at most."""


def make_thumbnails(folder: SetFolder) -> Iterator[str]:
    """Write those that are missing; yields the names of their images.

    Images that cannot be read, or thumbnails that cannot be written, are left out: the run says why.
    """
    with folder.review() as review:
        records = review.records()
    for record in sorted(records, key=lambda each: each.index):
        if folder.thumbnail(record.name).exists():
            continue
        try:
            write_thumbnail(folder.thumbnail(record.name), read_picture(record.path))
        except InputError:  # a run that begins now takes what is unfinished for left, and makes its own
            continue
        yield record.name


def write_thumbnail(path: Path, picture: Picture) -> None:
    """Write a small JPEG on the picture's own grid, with the note how viewers turn it."""
    path.parent.mkdir(exist_ok=True)
    small = Image.fromarray(np.rint(picture.pixels * 255).astype(np.uint8))
    small.thumbnail((SIDE, SIDE))
    write_turned(path, small, picture.orientation, quality=90)


def write_turned(path: Path, image: Image.Image, orientation: int, quality: int = 75) -> None:
    """Write a PNG or JPEG that viewers turn as they turn another picture, of that EXIF orientation."""
    exif = Image.Exif()
    if orientation != UPRIGHT:
        exif[ORIENTATION] = orientation
    content = io.BytesIO()  # Pillow itself would tell of a full disk without the system's number
    image.save(content, Image.registered_extensions()[path.suffix], exif=exif, quality=quality)
    with complete_file(path) as unfinished:
        unfinished.write_bytes(content.getbuffer())
