"""Whether an image file is there to its end, as ITK makes up what some truncated files lack."""

import struct
from collections.abc import Callable
from pathlib import Path

from medsam2.errors import InputError
from medsam2.volume.files.byte_source import (
    check_packed,
    check_possible,
    check_text,
    incomplete,
    is_gzip,
    opened_as_it_is,
)
from medsam2.volume.files.detached_headers import meta_pieces, nrrd_pieces
from medsam2.volume.files.picture_wholeness import check_picture, check_tiff

_GIPL_HEADER, _MRC_HEADER, _BIORAD_HEADER = 256, 1024, 76
_LONGEST_VTK_HEADER = 1 << 16


def check_before_reading(path: Path) -> None:
    """Refuse a header that names other files than those beside it, and what the file itself shows to be cut.

    ITK must not see it: its readers would follow the header, or write to standard error.
    """
    with opened_as_it_is(path) as file:
        start = file.read(_LONGEST_MAGIC)
    if path.suffix.lower() in (".mha", ".mhd"):
        meta_pieces(path)
    for magic, check in _CHECKS_BY_MAGIC.items():
        if start.startswith(magic):
            check(path)


def check_whole(path: Path, reader: str, numbers: int, size: int) -> None:
    """Refuse a file that cannot hold its voxels.

    Args:
        path: of the file.
        reader: ITK's name of what reads it.
        numbers: that its header promises, one for each voxel and component.
        size: bytes of each.

    Raises:
        InputError: likewise for a format of which nobody knows how to tell.
    """
    check = _CHECKS_BY_READER.get(reader)
    if check is None:
        raise InputError(
            f"{path} is of a kind of which it cannot be told whether it is complete: convert it to NIfTI, "
            "NRRD or DICOM."
        )
    check(path, numbers, size)


def _check_gipl(path: Path, numbers: int, size: int) -> None:
    if is_gzip(path):
        check_packed(path, 0, _GIPL_HEADER + numbers * size)
    else:
        check_possible(path, _GIPL_HEADER + numbers * size, packed=False)


def _check_mrc(path: Path, numbers: int, size: int) -> None:
    with opened_as_it_is(path) as file:
        header = file.read(_MRC_HEADER)
    if len(header) < _MRC_HEADER:
        raise incomplete(path)
    # The extended header's length, in the order of bytes that makes it the smaller.
    extended = min(struct.unpack(f"{order}I", header[92:96])[0] for order in "<>")
    check_possible(path, _MRC_HEADER + extended + numbers * size, packed=False)


def _check_vtk(path: Path, numbers: int, size: int) -> None:
    """Legacy VTK: after four lines come others, and the last before the voxels says what they are."""
    with opened_as_it_is(path) as file:
        header = file.read(_LONGEST_VTK_HEADER)
    lines, end = header.split(b"\n"), 0
    for number, line in enumerate(lines):
        end += len(line) + 1
        word = line.split()[:1]
        following = lines[number + 1].split()[:1] if number + 1 < len(lines) else []
        if word in ([b"LOOKUP_TABLE"], [b"VECTORS"], [b"TENSORS"], [b"COLOR_SCALARS"]) or (
            word == [b"SCALARS"] and following != [b"LOOKUP_TABLE"]
        ):
            break
    else:
        raise incomplete(path)
    if lines[2].strip().upper() == b"ASCII":
        check_text(path, end, numbers)
    else:
        check_possible(path, end + numbers * size, packed=False)


def _check_hdf5(path: Path) -> None:
    """HDF5, and MINC, which is built on it: the file says where it ends."""
    with opened_as_it_is(path) as file:
        head = file.read(48)
    if len(head) < 48:
        raise incomplete(path)
    (end,) = struct.unpack("<Q", head[40:48] if head[8] < 2 else head[28:36])
    check_possible(path, end, packed=False)


def _check_biorad(path: Path, numbers: int, size: int) -> None:
    check_possible(path, _BIORAD_HEADER + numbers * size, packed=False)


def _check_packed_within(path: Path, numbers: int, size: int) -> None:
    check_possible(path, numbers * size, packed=True)


def _checked_before(path: Path, numbers: int, size: int) -> None:
    """What these say of their size is true."""


_CHECKS_BY_MAGIC: dict[bytes, Callable[[Path], object]] = {
    b"NRRD": nrrd_pieces,
    b"\x89HDF\r\n\x1a\n": _check_hdf5,
    b"II*\0": check_tiff,
    b"MM\0*": check_tiff,
    b"II+\0": check_tiff,
    b"MM\0+": check_tiff,
    b"\x89PNG": check_picture,
    b"\xff\xd8\xff": check_picture,
    b"BM": check_picture,
}
_LONGEST_MAGIC = max(map(len, _CHECKS_BY_MAGIC))
_CHECKS_BY_READER: dict[str, Callable[[Path, int, int], None]] = {
    "NrrdImageIO": lambda path, *voxels: nrrd_pieces(path).check(*voxels),
    "MetaImageIO": lambda path, *voxels: meta_pieces(path).check(*voxels),
    "VTKImageIO": _check_vtk,
    "GiplImageIO": _check_gipl,
    "MRCImageIO": _check_mrc,
    "BioRadImageIO": _check_biorad,
    "HDF5ImageIO": _check_packed_within,
    "MINCImageIO": _check_packed_within,
    "TIFFImageIO": _checked_before,
    "PNGImageIO": _checked_before,
    "JPEGImageIO": _checked_before,
    "BMPImageIO": _checked_before,
}
