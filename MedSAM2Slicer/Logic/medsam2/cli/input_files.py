"""Which files on the disk a command reads, so that it never writes over one of them."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

HEADERS = (".mhd", ".nhdr")
"""Text headers that name the files with their voxels."""
_LONGEST_HEADER = 1 << 20


def find_among(path: Path, read: Iterable[Path]) -> Path | None:
    """The file that is read and that ``path`` is, by whatever name or link; None if it is none of them.

    Args:
        path: of a file that may exist.
        read: images, folders of images with all that is in them, and other files; missing ones do not matter.
    """
    if not path.exists():
        return None
    return next((file for given in read for file in _files_of(given) if _same(path, file)), None)


def _same(path: Path, other: Path) -> bool:
    """Whether two paths lead to one file, through links, hard links or another case of letters."""
    try:
        return path.samefile(other)
    except OSError:
        return False


def _files_of(path: Path) -> Iterator[Path]:
    """The files that reading ``path`` may read."""
    if path.is_dir():
        for folder, _, names in os.walk(path, followlinks=True):
            yield from (Path(folder, name) for name in names)
        return
    yield path
    if path.suffix.lower() in (".hdr", ".img"):
        yield from (path.with_suffix(suffix) for suffix in (".hdr", ".img", ".HDR", ".IMG"))
    if path.suffix.lower() in HEADERS and path.is_file():
        yield from _files_named_in(path)


def _files_named_in(header: Path) -> Iterator[Path]:
    """Files that lines of a text header name: alone, after a key, or as a pattern, ``slice%03d.raw``."""
    with header.open("rb") as file:
        text = os.fsdecode(file.read(_LONGEST_HEADER))
    for line in text.splitlines():
        value = re.split(r"=|:", line, maxsplit=1)[-1].strip()
        for name in {line.strip(), value, value.split(" ")[0]} - {"", ".", ".."}:
            if "%" in name:
                pattern = re.sub(r"%\d*d", "*", name)
                if not Path(pattern).is_absolute():
                    yield from header.parent.glob(pattern)
            else:
                yield header.parent / name
