"""Reading one volume from a DICOM folder or file, and listing all of them."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from medsam2.errors import InputError, note
from medsam2.volume.dicom.choosing import choose, meant_volumes, only
from medsam2.volume.dicom.cleaning import without_duplicates, without_strays
from medsam2.volume.dicom.decoding import decoded
from medsam2.volume.dicom.finding import Findings, find_images
from medsam2.volume.dicom.header import DamagedFile
from medsam2.volume.dicom.resampling import resampled
from medsam2.volume.dicom.stack import NO_POSITIONS, Stack
from medsam2.volume.dicom.time_series import film, in_time, is_film, sequence_of
from medsam2.volume.dicom.volumes import ListedVolume, VolumeEntry, listed_volumes
from medsam2.volume.dicom.voxels import DamagedImage, read_voxels
from medsam2.volume.image_sequence import ONE_TIME_POINT, ImageSequence
from medsam2.volume.temporary_folder import temporary_folder
from medsam2.volume.volume import DEFAULT_READ_OPTIONS, ReadOptions, Volume


def list_volumes(path: str | os.PathLike, options: ReadOptions = DEFAULT_READ_OPTIONS) -> list[VolumeEntry]:
    """The volumes of a DICOM folder, its sub-folders included, or of a DICOM file; only headers are read.

    Raises InputError for a folder without DICOM images, and for damaged files unless the options skip
    them. Warns with VolumeWarning of what was left out.
    """
    path = Path(path)
    findings = _find(path, options)
    return [each.entry for each in listed_volumes(findings.frames)]


def read_dicom(path: str | os.PathLike, options: ReadOptions = DEFAULT_READ_OPTIONS) -> Volume:
    """Read a volume of a DICOM folder or file: the only one, or the one that the options choose.

    Slices are sorted along their normal; each is rescaled as its own header says, and lies where that
    says. A tilted gantry gives axes that are not at right angles.

    Raises InputError for what :func:`list_volumes` refuses, for several volumes without a choice, and for
    slices that form no regular grid unless the options resample them.
    Warns with VolumeWarning of what was left out or had to be assumed.
    """
    path = Path(path)
    return _read_chosen(path, _find(path, options), options)


def read_dicom_sequence(
    path: str | os.PathLike, options: ReadOptions = DEFAULT_READ_OPTIONS
) -> ImageSequence:
    """The time points of a DICOM folder or file: volumes of a series that differ in time, or a film's frames.

    What holds only one volume, or where the options choose one, is a sequence of one.
    Raises InputError and warns as :func:`read_dicom` does.
    """
    path = Path(path)
    findings = _find(path, options)
    meant = meant_volumes(path, listed_volumes(findings.frames), options)
    in_order = in_time([each.stack for each in meant])
    if in_order is not None:
        return sequence_of(in_order, lambda stack: _read_whole(path, meant[0], stack, options))
    frames = only(path, meant).stack
    if is_film(frames):
        return film(frames, lambda stack: _read_whole(path, meant[0], stack, options))
    return ImageSequence(ONE_TIME_POINT, lambda time_point: _read_chosen(path, findings, options))


def read_dicom_colours(path: str | os.PathLike) -> np.ndarray | None:
    """Colours (rows, columns, 3) of a DICOM file with one image; None where it is grey.

    Raises InputError where the file is damaged or holds no image.
    """
    path = Path(path)
    frame = _find(path, DEFAULT_READ_OPTIONS).frames[0]
    if not frame.file.colour:
        return None
    try:
        with temporary_folder() as scratch:
            return next(decoded(frame.file, [frame.index], scratch, in_colour=True))
    except DamagedFile as damage:
        raise InputError(f"{path} is damaged: {damage}; copy it again.") from damage


def _read_whole(path: Path, listed: ListedVolume, stack: Stack, options: ReadOptions) -> Volume:
    """One volume of several, of which none can be left out."""
    try:
        return _read(path, ListedVolume(listed.entry, stack), options)
    except DamagedImage as damage:
        raise InputError(f"{damage.path} is damaged: {damage.reason}; copy it again.") from damage


def _read_chosen(path: Path, findings: Findings, options: ReadOptions) -> Volume:
    while True:  # ends, as each round reads the volume or leaves a file out
        chosen = choose(path, listed_volumes(findings.frames), options)
        try:
            return _read(path, chosen, options)
        except DamagedImage as damage:
            findings.damaged = {damage.path: damage.reason}
            findings.frames = [frame for frame in findings.frames if frame.file.path != damage.path]
            _leave_out_damaged(path, findings, options)
            _check_any(path, findings)


def _read(path: Path, chosen: ListedVolume, options: ReadOptions) -> Volume:
    stack, entry = chosen.stack, chosen.entry
    if stack.geometry is not None:
        for sentence in stack.notes:
            note(sentence)
        if any(frame.file.through_table for frame in stack.frames):
            note(
                "A table in the files (Modality LUT) says what their values mean: it is not applied, so "
                "intensities are the stored values."
            )
        frames = stack.frames if stack.frames[0].tile is None else ()
        return Volume(read_voxels(stack.frames), stack.geometry, entry.modality, frames)
    if stack.problem == NO_POSITIONS:
        raise InputError(f"{path} holds images, but {NO_POSITIONS}: give one of them, or a series that does.")
    if not options.resample or not entry.can_be_resampled:
        way_out = ", or resample them with --resample" if entry.can_be_resampled else ""
        raise InputError(
            f"The slices in {path} form no regular grid: {stack.problem}; move those that do into a folder "
            f"of their own{way_out}."
        )
    volume = resampled(stack, read_voxels(stack.frames))
    note(f"The slices in {path} were resampled onto a regular grid, because {stack.problem}.")
    return replace(volume, modality=entry.modality)


def _find(path: Path, options: ReadOptions) -> Findings:
    findings = find_images(path)
    without_strays(findings)
    _leave_out_damaged(path, findings, options)
    _check_any(path, findings)
    if findings.ignored:
        files = _names(list(findings.ignored))
        note(f"DICOM files that hold no scan were left out: {files} ({_kinds(findings)}).")
    copies = without_duplicates(findings)
    if copies:
        note(f"Files that hold an image of another file once more were left out: {_names(copies)}.")
    return findings


def _leave_out_damaged(path: Path, findings: Findings, options: ReadOptions) -> None:
    if not findings.damaged:
        return
    file, reason = next(iter(findings.damaged.items()))
    others = len(findings.damaged) - 1
    if not options.skip_damaged or file == path:
        more = f" (and {others} more damaged file{'s' if others > 1 else ''})" if others else ""
        skip = ", or leave damaged files out with --skip-damaged"
        raise InputError(f"{file} is damaged: {reason}{more}; copy it again{'' if file == path else skip}.")
    note(f"Damaged files were left out: {_names(list(findings.damaged))}.")


def _check_any(path: Path, findings: Findings) -> None:
    if not findings.frames and findings.ignored:
        raise InputError(f"{path} holds no scan but {_kinds(findings)}: give the folder of the scan.")
    if not findings.frames:
        raise InputError(
            f"No DICOM images lie in {path} or below it: give the folder of a series, or an image file."
        )


def _kinds(findings: Findings) -> str:
    return ", ".join(sorted(set(findings.ignored.values())))


def _names(files: Sequence[Path]) -> str:
    shown = ", ".join(file.name for file in files[:3])
    return shown + (f" and {len(files) - 3} more" if len(files) > 3 else "")
