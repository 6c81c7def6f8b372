"""Writing so that a file bears its name only once it is complete."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medsam2.errors import InputError

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_ACCESS = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def complete_file(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a path to write to; what was written there becomes ``path`` if the block ends without an error.

    The path bears the same file name in a hidden folder beside ``path``, so that writers which go by
    the suffix do the same there, and the last step is a rename within one file system. After an
    error nothing is left of it, and an older file called ``path`` is as it was.

    Raises InputError if the folder is missing or closed to writing, or if the disk is full.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise InputError(f"The folder {path.parent} does not exist: create it first, or choose another.")
    if path.is_dir():
        raise InputError(f"{path} is a folder: give the name of a file to write.")
    with hidden_folder_beside(path) as folder:
        unfinished = folder / path.name
        yield unfinished
        os.replace(unfinished, path)


@contextmanager
def hidden_folder_beside(path: Path) -> Iterator[Path]:
    """A folder for what is to become ``path``, in the same file system, so that the last step is a rename.

    Raises InputError if the folder of ``path`` is closed to writing, or if the disk is full.
    """
    with (
        explained_write_errors(path),
        tempfile.TemporaryDirectory(prefix=".incomplete-", dir=path.parent) as folder,
    ):
        yield Path(folder)


@contextmanager
def explained_write_errors(path: Path) -> Iterator[None]:
    """Raise InputError, which names ``path``, for a full disk, a folder closed to writing, or the like."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise InputError(
                f"{path} was not written: the disk is full; free some space and try again."
            ) from error
        if error.errno in _NO_ACCESS:
            raise InputError(
                f"{path} was not written: the folder may not be written to; choose another."
            ) from error
        if error.errno and error.strerror:  # of the system: others are no fault of the disk
            raise InputError(f"{path} was not written ({error.strerror}): choose another folder.") from error
        raise
