"""What would go wrong with a cohort's folder, found before any case is begun."""

import os
from collections.abc import Sequence
from os.path import isdir  # a name too long is of no folder, where that of Path raises an error
from pathlib import Path

from medsam2.cli.cohort.case import Case
from medsam2.cli.cohort.cells import files_read
from medsam2.cli.cohort.report import is_own, report_files
from medsam2.cli.destinations import check_destinations
from medsam2.errors import InputError
from medsam2.volume import output_format


def check_folder(cases: Sequence[Case], others: Sequence[Path], overwrite: bool) -> None:
    """Check that no case harms another one, or a file of somebody else.

    Args:
        cases: of a cohort, all in one folder that exists.
        others: files that are read beside those of the cases, such as the list.
        overwrite: replace files that the command did not write.

    Raises:
        InputError: a case is called so that its file would be of another format; the folder lies among the
            images of a case; or a file that is read, or a report of somebody else, would be replaced.
    """
    for case in cases:
        if output_format(case.outputs.masks) != case.format:
            raise InputError(
                f"{case.outputs.masks.name} would be no {case.format}: give that case another name in a "
                "column case."
            )
    folder = cases[0].folder
    read = {path for case in cases for path in files_read(case).values()}.union(others)
    among = next((path for path in read if isdir(path) and _lies_in(folder, path)), None)
    if among is not None:
        raise InputError(f"{folder} lies among the images in {among}: choose another folder with -o.")
    reports = report_files(folder)
    check_destinations(reports, others)
    if overwrite:
        _check_kept(cases, read)
        return
    theirs = next((path for path in reports if not is_own(path)), None)
    if theirs is not None:
        raise InputError(
            f"{theirs} is not one that this command wrote: move it away, or replace it with --overwrite."
        )


def _lies_in(folder: Path, images: Path) -> bool:
    return folder.resolve().is_relative_to(images.resolve())


def _check_kept(cases: Sequence[Case], read: set[Path]) -> None:
    """Refuse a file of one case that another one is made from."""
    originals = {_identity(path): path for path in read}
    for case in cases:
        for file in [*case.outputs.files, case.thumbnail]:
            original = originals.get(_identity(file)) if file.exists() else None
            if original is not None:
                raise InputError(
                    f"{file}, of the case {case.name}, would replace {original}, which this command reads: "
                    "choose another folder with -o."
                )


def _identity(path: Path) -> tuple[int, int] | None:
    """The file that a path leads to, by whatever name or link; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
