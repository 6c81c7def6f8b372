"""Files made from the review of a set: masks, and a table of all images."""

import csv
import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from medsam2.complete_file import complete_file
from medsam2.errors import InputError
from medsam2.image_sets.image_record import ImageRecord, State
from medsam2.image_sets.pictures import UPRIGHT, Picture, read_picture
from medsam2.image_sets.run_review import RunReview
from medsam2.image_sets.set_folder import SetFolder
from medsam2.image_sets.thumbnails import write_turned
from medsam2.spreadsheet_text import harmless_text

_RESULTS = (State.PROMPTED, State.PROPOSED, State.ACCEPTED, State.ABSENT)
_COLUMNS = ("name", "path", "state", "confidence", "area", "reason")


def prepare(folder: SetFolder) -> None:
    """Make the folders for files, and clear away what a killed run left unfinished.

    Raises:
        InputError: one of them is a link, which may lead to files of the user.
    """
    for part in (folder.masks, folder.thumbnails):
        if part.is_symlink() or (part.exists() and not part.is_dir()):
            raise InputError(f"{part} is a link or a file: remove it, so that a folder can be made there.")
        part.mkdir(exist_ok=True)
    for part in (folder.path, folder.masks, folder.thumbnails):
        for left in part.glob(".incomplete-*"):
            shutil.rmtree(left, ignore_errors=True)


def write_mask(
    folder: SetFolder, review: RunReview, record: ImageRecord, picture: Picture | None = None
) -> bool:
    """Bring the file with an image's mask up to date: 0 and 255 on the pixel grid of the image's own file.

    Args:
        folder, review: the set.
        record: of the image.
        picture: the image, if it has been read.

    Returns:
        False where that would lose what another program made of the file since it was written.
    """
    mask = review.mask(record.name)
    if record.state not in _RESULTS or mask is None:
        return _replace(folder.mask(record.name), review, record, None)
    try:
        picture = picture or read_picture(record.path)
    except InputError:
        return True  # of an image that is not there any more; the run tells of it
    if record.shape not in (None, picture.shape) or not mask.is_within(picture.shape):
        return True  # likewise of one that another file has replaced
    voxels = mask.full(picture.shape)
    return _replace(folder.mask(record.name), review, record, voxels, picture.orientation)


def _replace(
    path: Path, review: RunReview, record: ImageRecord, mask: np.ndarray | None, orientation: int = UPRIGHT
) -> bool:
    """Write a mask (rows, columns), or remove its file; whether that was possible without loss."""
    written = review.mask_file(record.name)
    if written is not None:
        if written != _checksum(path) and path.exists() and not _shows(path, mask):
            return False
        review.forget_mask_file(record.name)  # whoever is killed now leaves a file that is not known
    if mask is None:
        path.unlink(missing_ok=True)
    else:
        write_turned(path, Image.fromarray(mask.astype(np.uint8) * 255), orientation)
    review.note_written(record, _checksum(path))
    return True


def _checksum(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _shows(path: Path, mask: np.ndarray | None) -> bool:
    """Whether a file shows a mask, in whatever shade."""
    try:
        shown = read_picture(path).pixels
    except InputError:
        return False
    return mask is not None and np.array_equal(np.atleast_3d(shown).any(axis=2), mask)


def write_masks(folder: SetFolder, review: RunReview) -> list[str]:
    """Bring all of them up to date, but those that another program changed; the names of these images."""
    return [record.name for record in review.unwritten() if not write_mask(folder, review, record)]


def write_results(folder: SetFolder, review: RunReview) -> None:
    """Write the table of all images, the most doubtful first."""
    with (
        complete_file(folder.results) as unfinished,
        unfinished.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        table = csv.writer(file)
        table.writerow(_COLUMNS)
        for record in review.records():
            confidence = "" if record.confidence is None else f"{record.confidence:.3f}"
            area = "" if record.pixels is None or record.state not in _RESULTS else record.pixels
            texts = (harmless_text(record.name), harmless_text(os.fspath(record.path)))
            table.writerow((*texts, record.state.value, confidence, area, harmless_text(record.reason)))
