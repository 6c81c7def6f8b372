"""Folders for files that nobody needs later, and what to say where these cannot be written."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medsam2.errors import InputError


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is gone afterwards; InputError where none can be made."""
    with explained_temporary_errors():
        made = tempfile.TemporaryDirectory(prefix="medsam2-")
    with made as folder:
        yield Path(folder)


@contextmanager
def explained_temporary_errors() -> Iterator[None]:
    """Raise InputError where a temporary file cannot be written, so that no image is blamed for it."""
    try:
        yield
    except OSError as error:
        where = f" {tempfile.tempdir}" if tempfile.tempdir else ""
        raise InputError(
            f"The folder for temporary files{where} cannot be written to ({error.strerror}): free some space "
            "there, or set TMPDIR to another folder."
        ) from error
