"""Where the files of a set lie."""

import os
from pathlib import Path

from medsam2.image_sets.review_database import FILE_NAME
from medsam2.image_sets.review_file import ReviewFile


class SetFolder:
    """The folder of a set: the review, and what is made from it.

    ``review.sqlite`` is what counts; each run of the command brings the files beside it up to date:
    ``masks/NAME.png`` (0 and 255, in the size of the image) of every image that has a mask which was not
    rejected, ``results.csv``, and ``contact_sheet_1.png`` with those that follow. ``thumbnails/NAME.jpg``
    are small pictures of the images.
    """

    def __init__(self, folder: str | os.PathLike):
        self.path = Path(folder)
        self.masks = self.path / "masks"
        self.thumbnails = self.path / "thumbnails"
        self.review_file = self.path / FILE_NAME
        self.results = self.path / "results.csv"

    @property
    def exists(self) -> bool:
        """Whether there is a set in the folder."""
        return self.review_file.is_file()

    def review(self) -> ReviewFile:
        """The states of the images; the folder and the file are made if they are not there."""
        return ReviewFile(self.path)

    def mask(self, name: str) -> Path:
        """The file with the mask of an image."""
        return self.masks / f"{name}.png"

    def thumbnail(self, name: str) -> Path:
        """A small picture of an image, which Slicer's panel shows."""
        return self.thumbnails / f"{name}.jpg"

    def contact_sheet(self, number: int) -> Path:
        """The picture with all images of a page, from 1."""
        return self.path / f"contact_sheet_{number}.png"
