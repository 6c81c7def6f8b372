"""The image that shows the object to a set, and what the options of ``one-prompt`` say on it."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medsam2.cli.coordinates import GivenLine
from medsam2.cli.prompt_options import PromptOptions
from medsam2.errors import InputError, VolumeWarning
from medsam2.image_sets.pictures import UPRIGHT, Picture, read_picture
from medsam2.image_sets.review_file import ReviewFile
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import DrawnLine, Prompt
from medsam2.slice_grid import SliceGrid
from medsam2.volume import read_volume


@dataclass(frozen=True)
class DrawnTemplate:
    """An image with its prompts, as typed.

    Attributes:
        image: path, or name in the set.
        options: points, box, lines and mask, coordinates in pixels.
    """

    image: str
    options: PromptOptions

    @classmethod
    def of(cls, image: str | None, options: PromptOptions) -> "DrawnTemplate | None":
        """None where nothing was given; InputError for one without the other, or for wrong coordinates."""
        is_prompted = options.are_by_hand or options.mask is not None
        if image is None:
            if is_prompted:
                raise InputError("Say with --template on which image the prompts are.")
            return None
        if not is_prompted:
            raise InputError(
                "Say where the object is on the template: give --point, --box, --stroke and --lasso in any "
                "number, or --mask."
            )
        if options.are_by_hand and options.mask is not None:
            raise InputError("A mask is a prompt of its own: give it without points, boxes and lines.")
        options.given()
        return cls(image, options)

    def path(self, review: ReviewFile | None) -> Path:
        """The image's file.

        Args:
            review: of the set that it may belong to; None where there is none yet.
        """
        path = Path(self.image)
        if path.exists():
            return path
        if review is None:
            raise InputError(f"There is no image {self.image}: check the path of the template.")
        return review.record(self.image).path

    def prompt(self, path: Path) -> Prompt:
        """What is said on the image in a file.

        Raises:
            InputError: the image is none, or what is said does not fit it.
        """
        picture = read_picture(path)
        prompt = (
            self._of_mask(picture, path) if self.options.mask is not None else self._by_hand(picture, path)
        )
        prompt.check(1, _grid(picture))
        return prompt

    def _by_hand(self, picture: Picture, path: Path) -> Prompt:
        if picture.orientation != UPRIGHT:
            raise InputError(
                f"{path} is turned by whatever shows it, so that coordinates could mean two places: save it "
                "as it is shown, or give --mask."
            )
        given = self.options.given()
        box = None
        if given.box is not None:
            half = len(given.box) // 2
            box = (*_place(given.box[:half]), *_place(given.box[half:]))
        prompt = Prompt(
            0,
            tuple((*_place(numbers), positive) for numbers, positive in given.points),
            box,
            strokes=tuple(map(_line, given.strokes)),
            lassos=tuple(map(_line, given.lassos)),
        )
        _check_inside(prompt, picture)
        return prompt

    def _of_mask(self, picture: Picture, path: Path) -> Prompt:
        file = self.options.mask
        assert file is not None
        if read_picture(file).orientation != picture.orientation:
            raise InputError(f"{file} and {path} are turned differently: save both as they are shown.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VolumeWarning)  # of millimetres, which do not matter here
            labels = read_volume(file).voxels[0]
        if labels.shape != picture.shape:
            sizes = [f"{columns} x {rows}" for rows, columns in (labels.shape, picture.shape)]
            raise InputError(
                f"The mask {file} has {sizes[0]} pixels and {path} has {sizes[1]}: give one that fits."
            )
        if len(np.unique(labels[labels != 0])) > 1:
            raise InputError(
                f"The mask {file} has several labels or shades: save the object alone, on black."
            )
        return Prompt(0, mask=PlacedMask.cropped(labels != 0))


def _check_inside(prompt: Prompt, picture: Picture) -> None:
    """Refuse a place off the picture, as X,Y in pixels."""
    rows, columns = picture.shape
    for row, column in prompt.corners():
        if not _grid(picture).contains(row, column):
            raise InputError(
                f"The prompt at {column:g},{row:g} lies outside the picture of {columns} x {rows} pixels: "
                "place it on the picture."
            )


def _grid(picture: Picture) -> SliceGrid:
    return SliceGrid(picture.shape, (1.0, 1.0))


def _place(numbers: Sequence[float]) -> tuple[float, float]:
    """Row and column of X,Y."""
    if len(numbers) != 2:
        raise InputError("A place in a picture has two coordinates, X,Y, in pixels: leave the third out.")
    column, row = numbers
    return row, column


def _line(given: GivenLine) -> DrawnLine:
    return DrawnLine(tuple(map(_place, given.positions)), given.positive)
