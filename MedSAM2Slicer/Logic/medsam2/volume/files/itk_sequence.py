"""Time points in files that SimpleITK knows: how many, when, and the voxels of one without the others.

ITK would read all of them to give one, and shows those of Slicer's .seq.nrrd as components of a voxel.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import SimpleITK

from medsam2.errors import InputError
from medsam2.volume.files.byte_source import unpacked
from medsam2.volume.files.detached_headers import (
    Pieces,
    meta_fields,
    meta_pieces,
    nrrd_fields,
    nrrd_pieces,
)
from medsam2.volume.files.header_doubts import TIME_KINDS
from medsam2.volume.image_sequence import NOT_IN_TIME, TimePoints, evenly_spaced, several_volumes

_NRRD = (".nrrd", ".nhdr")
_PIXEL_KIND = "NRRD_kinds[pixel]"


@dataclass(frozen=True)
class TimeLayout:
    """How the voxels of several time points lie in a file.

    Attributes:
        times: the time points.
        numbers: of one time point, in all its voxels and colours.
        components: of these for each voxel.
        is_fastest: whether the numbers of all time points at one voxel follow each other.
    """

    times: TimePoints
    numbers: int
    components: int
    is_fastest: bool = False


def time_layout(path: Path, reader: SimpleITK.ImageFileReader) -> TimeLayout | None:
    """How time points lie in the file whose header ``reader`` has read; None in an image without time.

    Raises:
        InputError: the file has more dimensions than space and time.
    """
    sizes, components = reader.GetSize(), reader.GetNumberOfComponents()
    space, others = math.prod(sizes[:3]), math.prod(sizes[3:])
    if len(sizes) > 4 and others > 1:
        raise several_volumes(path, others, NOT_IN_TIME)
    if others > 1:
        times = _listed_times(reader, others) or evenly_spaced(
            others, reader.GetOrigin()[3], reader.GetSpacing()[3], ""
        )
        _check_order(path, components)
        return TimeLayout(times, space * components, components)
    if components > 1 and _is_time(reader):
        is_fastest = _check_order(path, 1) == 0
        times = _listed_times(reader, components) or TimePoints(components)
        return TimeLayout(times, space, 1, is_fastest)
    return None


def _check_order(path: Path, components: int) -> int | None:
    """The axis that a NRRD header says is time; None where it says nothing.

    Raises:
        InputError: numbers of one time point neither follow each other nor have all others between them.
    """
    if path.suffix.lower() not in _NRRD:
        return None
    kinds = nrrd_fields(path).get("kinds", "").lower().split()
    axis = next((number for number, kind in enumerate(kinds) if kind in TIME_KINDS), None)
    are_colours_first = components == 1 or (bool(kinds) and kinds[0] not in ("domain", "space", *TIME_KINDS))
    ends = (len(kinds) - 1, None) if components > 1 else (0, len(kinds) - 1, None)
    if axis not in ends or not are_colours_first:
        raise _elsewhere(path)
    return axis


def _elsewhere(path: Path) -> InputError:
    return InputError(
        f"{path} holds several time points in a way that is not read here: save it as one .nii.gz, .nrrd or "
        ".mha file."
    )


def _is_time(reader: SimpleITK.ImageFileReader) -> bool:
    """Whether what ITK takes for components are time points, and no layers, gradients or colours."""
    keys = reader.GetMetaDataKeys()
    kind = reader.GetMetaData(_PIXEL_KIND) if _PIXEL_KIND in keys else ""
    return kind in TIME_KINDS and not any(key.startswith(("Segment0_", "DWMRI_")) for key in keys)


def _listed_times(reader: SimpleITK.ImageFileReader, count: int) -> TimePoints | None:
    """The times that Slicer gives for each item of a list; None where there are none, or too few."""
    keys = reader.GetMetaDataKeys()
    axis = next((axis for axis in range(5) if f"axis {axis} index values" in keys), None)
    if axis is None:
        return None
    values = tuple(map(unquote, reader.GetMetaData(f"axis {axis} index values").split()))
    units = next(
        (
            reader.GetMetaData(key)
            for key in (f"NRRD_units[{axis}]", "NRRD_units[pixel]", "NRRD_units[3]")
            if key in keys
        ),
        "",
    )
    return TimePoints(count, values, units) if len(values) == count else None


def read_time_point(path: Path, layout: TimeLayout, dtype: np.dtype, time_point: int) -> np.ndarray:
    """The numbers of one time point, in the order of the file; the others take no memory.

    Raises:
        InputError: the file is of another kind than NRRD or MetaImage, or its voxels lie in several files.
    """
    pieces = _pieces(path)
    dtype = dtype.newbyteorder(">" if pieces.is_big_endian else "<")
    if pieces.packed:
        read = _every_nth if layout.is_fastest else _stretch
        numbers = read(pieces, layout, dtype, time_point)
    else:
        shape = (layout.times.count, layout.numbers)
        stored = np.memmap(
            pieces.files[0], dtype, "r", pieces.offset, shape[::-1] if layout.is_fastest else shape
        )
        numbers = np.array(stored[:, time_point] if layout.is_fastest else stored[time_point])
    return numbers.astype(dtype.newbyteorder("="), copy=False)


def _pieces(path: Path) -> Pieces:
    suffix, is_plain = path.suffix.lower(), False
    if suffix in (".mha", ".mhd"):
        pieces, fields = meta_pieces(path), meta_fields(path)
        is_plain = not pieces.is_text and fields.get("headersize", "0").isdigit()
    elif suffix in _NRRD:
        pieces, fields = nrrd_pieces(path), nrrd_fields(path)
        skips = fields.get("lineskip", "0") != "0" or not fields.get("byteskip", "0").isdigit()
        is_plain = fields.get("encoding", "raw").lower() in ("raw", "gz", "gzip") and not skips
    if not is_plain or len(pieces.files) > 1:
        raise _elsewhere(path)
    return pieces


def _stretch(pieces: Pieces, layout: TimeLayout, dtype: np.dtype, time_point: int) -> np.ndarray:
    """Numbers that follow each other in a packed file."""
    numbers = np.empty(layout.numbers, dtype)
    wanted, position = numbers.view(np.uint8), -time_point * numbers.nbytes
    for chunk in unpacked(pieces.files[0], pieces.offset):
        low, high = max(position, 0), min(position + len(chunk), len(wanted))
        if low < high:
            wanted[low:high] = np.frombuffer(chunk, np.uint8)[low - position : high - position]
        position += len(chunk)
        if position >= len(wanted):
            break
    return numbers


def _every_nth(pieces: Pieces, layout: TimeLayout, dtype: np.dtype, time_point: int) -> np.ndarray:
    """One number for each voxel of a packed file, in which those of all time points follow each other."""
    numbers, filled, rest = np.empty(layout.numbers, dtype), 0, b""
    times = layout.times.count
    for chunk in unpacked(pieces.files[0], pieces.offset):
        chunk = rest + chunk
        voxels = min(len(chunk) // (times * dtype.itemsize), layout.numbers - filled)
        numbers[filled : filled + voxels] = np.frombuffer(chunk, dtype, voxels * times)[time_point::times]
        rest, filled = chunk[voxels * times * dtype.itemsize :], filled + voxels
        if filled == layout.numbers:
            break
    return numbers
