"""What the headers of image files leave open: size of a voxel, units, and which way the axes run."""

import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from medsam2.errors import InputError, note
from medsam2.volume.files.detached_headers import meta_fields, nrrd_fields

_PICTURES = ("PNGImageIO", "JPEGImageIO", "BMPImageIO", "TIFFImageIO")
_WITHOUT_DIRECTIONS = ("VTKImageIO", "GiplImageIO", "MRCImageIO", "BioRadImageIO")
_MILLIMETRES = ("", "mm", "?", "millimeter", "millimetre")
# Spaces that ITK turns into its own, and the words for none.
_KNOWN_SPACES = (
    *("right-anterior-superior", "left-anterior-superior", "left-posterior-superior"),
    *("ras", "las", "lps", "left-posterior-superior-time", "lpst"),
)
_MIRRORED_SPACES = ("right-anterior-superior-time", "left-anterior-superior-time", "rast", "last")
TIME_KINDS = ("list", "time")
"""Of an axis of NRRD along which the time points lie."""
_QUOTED = re.compile(r'"([^"]*)"')
_AS_LPS = "its axes count as running to the left, the back and the head"


def note_doubts(path: Path, reader: str, spacing: Sequence[float]) -> None:
    """Warn of what had to be assumed about a file that ITK reads.

    Args:
        path: of the file.
        reader: ITK's name of what reads it.
        spacing: millimetres along (i, j, k) as they were read.

    Raises:
        InputError: its positions are given in a way in which ITK would mirror them.
    """
    size = " x ".join(f"{step:.3g}" for step in spacing)
    if reader in _PICTURES:
        note(f"Pictures do not tell the size of a voxel for sure: it counts as {size} mm.")
    elif reader in _WITHOUT_DIRECTIONS:
        note(f"The kind of file of {path.name} does not tell how the image lies: {_AS_LPS}.")
    elif reader == "NrrdImageIO":
        _note_nrrd(path, size)
    elif reader == "MetaImageIO":
        _note_meta(path, size)


def _note_nrrd(path: Path, size: str) -> None:
    fields = nrrd_fields(path)
    space = fields.get("space", "").lower()
    if space in _MIRRORED_SPACES:
        raise InputError(f"{path} gives places in space and time ({space}): save it without the time axis.")
    if space not in _KNOWN_SPACES:
        note(f"The header of {path.name} does not tell how the image lies: {_AS_LPS}.")
    spacings = fields.get("spacedirections") or fields.get("spacings", "")
    if not spacings or spacings.lower().split() == ["nan"] * len(spacings.split()):
        _note_no_spacing(path, size)
    _check_units(path, _units_of_space(fields))


def _units_of_space(fields: Mapping[str, str]) -> list[str]:
    """The units of all axes but time."""
    if "spaceunits" in fields:
        return _QUOTED.findall(fields["spaceunits"])
    units, kinds = _QUOTED.findall(fields.get("units", "")), fields.get("kinds", "").lower().split()
    return [unit for unit, kind in zip_longest(units, kinds, fillvalue="") if kind not in TIME_KINDS]


def _note_meta(path: Path, size: str) -> None:
    fields = meta_fields(path)
    if not {"elementspacing", "elementsize"} & set(fields):
        _note_no_spacing(path, size)
    _check_units(path, fields.get("distanceunits", "").split())


def _note_no_spacing(path: Path, size: str) -> None:
    note(
        f"The header of {path.name} does not tell the size of a voxel: it counts as {size} mm, so nothing in "
        "millimetres or millilitres is right."
    )


def _check_units(path: Path, units: Sequence[str]) -> None:
    other = [unit for unit in units if unit.lower() not in _MILLIMETRES]
    if other:
        note(
            f"The header of {path.name} gives distances in {other[0]}, but they count as millimetres: "
            "correct it if results in millilitres matter."
        )
