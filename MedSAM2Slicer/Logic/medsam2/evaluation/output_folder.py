"""The folder of a report appears complete or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medsam2.complete_file import hidden_folder_beside
from medsam2.errors import InputError

MARK = "results.json"
CONTENT = {"report.md", "results.csv", MARK, "dice_against_clicks.png", "worst"}


def check_output_folder(folder: Path, overwrite: bool) -> None:
    """Refuse a folder that holds anything but an earlier report, or could not be made.

    Args:
        folder: for the report.
        overwrite: an earlier report may be replaced.

    Raises:
        InputError: says why.
    """
    if not folder.parent.is_dir():
        raise InputError(f"The folder {folder.parent} does not exist: create it first, or choose another.")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: give the name of a folder for the report.")
    if folder.resolve() == Path.cwd() or folder.is_mount():
        raise InputError(f"{folder} cannot be replaced by a report: give the name of a folder inside it.")
    present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if present and (MARK not in present or present - CONTENT):
        raise InputError(f"{folder} holds files that are no report: choose another folder with -o.")
    if present and not overwrite:
        raise InputError(
            f"{folder} holds a report: choose another folder with -o, or replace it with --overwrite."
        )
    with hidden_folder_beside(folder):
        pass


@contextmanager
def complete_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder to fill, which becomes ``folder`` if the block ends without an error.

    After an error an earlier report is as it was.

    Raises:
        InputError: as ``check_output_folder``, or the disk is full.
    """
    check_output_folder(folder, overwrite=True)
    with hidden_folder_beside(folder) as temporary:
        fresh, earlier = temporary / "fresh", temporary / "earlier"
        fresh.mkdir()
        yield fresh
        if folder.exists():
            os.replace(folder, earlier)
        os.replace(fresh, folder)
