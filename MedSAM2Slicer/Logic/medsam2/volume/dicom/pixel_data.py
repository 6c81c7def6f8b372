"""Where a file's pixels lie and whether they are there to their end, without reading them."""

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from pydicom import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from medsam2.volume.dicom.header import DamagedFile, whole

# Float Pixel Data, Double Float Pixel Data, and Pixel Data, whose header says whether it is signed.
_KINDS = {(0x7FE0, 0x0008): "f", (0x7FE0, 0x0009): "f", (0x7FE0, 0x0010): None}
_UNDEFINED = 0xFFFFFFFF
_ITEM, _DELIMITER = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
CUT = "its pixels end early, as after a transfer that broke off"


@dataclass(frozen=True)
class NativePixels:
    """Uncompressed pixels: the first byte in the file, and the type of each value as it is stored."""

    offset: int
    dtype: np.dtype


def find_pixels(file: BinaryIO, ds: Dataset) -> NativePixels | None:
    """Look at the pixel data that begins where ``file`` stands, down to its last byte.

    Returns None for pixels that are compressed, in which case only the fragments were counted.

    Raises:
        DamagedFile: there is none, or it ends early.
    """
    syntax = transfer_syntax(ds)
    if syntax == DeflatedExplicitVRLittleEndian:
        return None  # the whole file is packed: unpacking it tells
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    head = file.read(12)
    if len(head) < 12 or (tag := struct.unpack(f"{order}HH", head[:4])) not in _KINDS:
        raise DamagedFile("it ends before its pixels")
    if syntax == ImplicitVRLittleEndian:
        file.seek(-4, os.SEEK_CUR)
        (length,) = struct.unpack("<I", head[4:8])
    else:
        (length,) = struct.unpack(f"{order}I", head[8:])
    if length == _UNDEFINED:
        if _count_fragments(file) < (whole(ds, "NumberOfFrames") or 1):
            raise DamagedFile(CUT)
        return None
    if _size(file) - file.tell() < length or length < _expected_bytes(ds):
        raise DamagedFile(CUT)
    kind = _KINDS[tag] or ("i" if whole(ds, "PixelRepresentation", 0) else "u")
    bits = whole(ds, "BitsAllocated", 16)
    if bits not in (8, 16, 32, 64) or (kind == "f" and bits < 32):
        raise DamagedFile(f"its pixels of {bits} bits are no intensities")
    return NativePixels(file.tell(), np.dtype(f"{order}{kind}{bits // 8}"))


def transfer_syntax(ds: Dataset) -> str:
    """How a file is encoded; one without a file header says it by its first elements."""
    syntax = ds.file_meta.get("TransferSyntaxUID") if hasattr(ds, "file_meta") else None
    if syntax:
        return syntax
    implicit, _ = ds.original_encoding
    return ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian


def _expected_bytes(ds: Dataset) -> int:
    values = whole(ds, "Rows", 0) * whole(ds, "Columns", 0) * (whole(ds, "NumberOfFrames") or 1)
    samples = whole(ds, "SamplesPerPixel", 1)
    if ds.get("PhotometricInterpretation") == "YBR_FULL_422":
        samples = 2
    return values * samples * whole(ds, "BitsAllocated", 16) // 8


def _count_fragments(file: BinaryIO) -> int:
    """Walk from fragment to fragment of compressed pixels to the mark behind the last."""
    size = _size(file)
    count = -1  # the first is the table of offsets
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise DamagedFile(CUT)
        *tag, length = struct.unpack("<HHI", head)
        if tuple(tag) == _DELIMITER:
            return count
        if tuple(tag) != _ITEM or file.tell() + length > size:
            raise DamagedFile(CUT)
        file.seek(length, os.SEEK_CUR)
        count += 1


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size
