"""Names for libraries that take paths in UTF-8 alone, while a path of Linux may be any bytes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medsam2.volume.temporary_folder import explained_temporary_errors, temporary_folder

HEADERS = (".mhd", ".nhdr")
"""Text headers that name the files with their voxels."""


@contextmanager
def name_to_read(path: Path) -> Iterator[str]:
    """A name of an existing file: its own, or that of a link if its own is not UTF-8."""
    if _is_utf8(path):
        yield str(path)
        return
    with temporary_folder() as folder:
        link = folder / f"medsam2-image{_suffix(path)}"
        with explained_temporary_errors():
            if path.suffix.lower() in HEADERS:
                for other in path.parent.iterdir():
                    (folder / other.name).symlink_to(other.resolve())
            link.symlink_to(path.resolve())
        yield str(link)


@contextmanager
def name_to_write(path: Path) -> Iterator[str]:
    """A name to write to; what was written there becomes ``path`` if its own name is not UTF-8."""
    if _is_utf8(path):
        yield str(path)
        return
    with temporary_folder() as folder:
        link = folder / "folder"
        with explained_temporary_errors():
            link.symlink_to(path.parent.resolve(), target_is_directory=True)
        written = link / f"medsam2-image{_suffix(path)}"
        yield str(written)
        os.replace(written, path)


def _is_utf8(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _suffix(path: Path) -> str:
    """Both parts of one like .gipl.gz; a suffix that is not ASCII names no format."""
    suffix = "".join(path.suffixes[-2:]) if path.suffix.lower() == ".gz" else path.suffix
    return suffix if suffix.isascii() else ""
