"""Which files the images of a set are."""

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from medsam2.errors import InputError
from medsam2.image_sets.pictures import PICTURE_SUFFIXES
from medsam2.volume.files.dicom_signature import is_dicom_file
from medsam2.volume.files.picture_stack import natural_order

_SUFFIXES = (*PICTURE_SUFFIXES, ".dcm")


def find_images(given: Sequence[str], list_file: Path | None, set_folder: Path) -> list[Path]:
    """The files, each once, in the order in which they were given; what lies in the set's own folder is none.

    Args:
        given: files; folders, of which the pictures and DICOM files are meant that lie directly in them, in
            natural order; and patterns, ``**`` for folders at any depth.
        list_file: with a path on each line, from the list's own folder on.
        set_folder: where results lie.

    Raises:
        InputError: something was given that is not there or holds no image.
    """
    own = set_folder.resolve()
    found: dict[str, Path] = {}
    for path in (*_given(given), *_listed(list_file)):
        if own not in path.resolve().parents:
            found.setdefault(os.path.abspath(path), path)
    return list(found.values())


def _given(given: Sequence[str]) -> Iterable[Path]:
    for text in given:
        path = Path(text)
        if path.is_dir():
            yield from _in_folder(path)
        elif os.path.lexists(path):
            yield path
        else:
            yield from _matching(text)


def _in_folder(folder: Path) -> list[Path]:
    try:
        files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror}): check the folder.") from error
    images = [path for path in files if path.suffix.lower() in _SUFFIXES or _is_dicom_image(path)]
    if not images:
        raise InputError(
            f"No pictures lie in {folder}: give the folder that holds them, or a pattern such as "
            f'"{folder}/**/*.png".'
        )
    return sorted(images, key=natural_order)


def _is_dicom_image(path: Path) -> bool:
    return path.name != "DICOMDIR" and is_dicom_file(path)


def _matching(pattern: str) -> list[Path]:
    files = [path for path in map(Path, glob.glob(pattern, recursive=True)) if path.is_file()]
    if not files:
        raise InputError(f"There is no image {pattern}: check the path.")
    return sorted(files, key=lambda path: (os.fsencode(path.parent), natural_order(path)))


def _listed(file: Path | None) -> list[Path]:
    if file is None:
        return []
    try:
        lines = os.fsdecode(file.read_bytes().removeprefix(b"\xef\xbb\xbf")).splitlines()
    except OSError as error:
        raise InputError(f"The list {file} cannot be read ({error.strerror}): check its name.") from error
    paths = {number: file.parent / line.strip() for number, line in enumerate(lines, 1) if line.strip()}
    if not paths:
        raise InputError(f"The list {file} is empty: write the path of an image on each line.")
    for number, path in paths.items():
        if not os.path.lexists(path):
            raise InputError(
                f"There is no image {path}, which line {number} of {file} names: correct the list."
            )
    return list(paths.values())
