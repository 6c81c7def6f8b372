"""Names for the images of a set, which are those of their files as far as that can be."""

import os
import re
from collections.abc import Container
from itertools import count
from pathlib import Path

from medsam2.file_names import file_name


def free_name(path: Path, taken: Container[str]) -> str:
    """A name for the image in a file: the file's without its ending, or with its folder's before it.

    Args:
        path: of the file.
        taken: names in the set, each as ``folded`` makes it.
    """
    stem = file_name(_without_ending(path.name))
    second = file_name(f"{path.parent.name}_{stem}")
    for name in (stem, second):
        if folded(name) not in taken:
            return name
    return next(name for number in count(2) if folded(name := f"{second}_{number}") not in taken)


def folded(name: str) -> str:
    """Two names whose files would be one where case does not matter are equal by this."""
    return name.casefold()


def _without_ending(name: str) -> str:
    """DICOM files are often called by numbers with points between, which are no endings."""
    stem, ending = os.path.splitext(name)
    return stem if re.search("[A-Za-z]", ending) else name
