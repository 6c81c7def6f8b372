"""From a file to the values of its pixels as they are stored."""

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK
from pydicom import Dataset, uid
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import UID

from medsam2.errors import InputError
from medsam2.volume.dicom.frame import ImageFile
from medsam2.volume.dicom.header import DamagedFile
from medsam2.volume.dicom.pixel_data import CUT, NativePixels, transfer_syntax
from medsam2.volume.intensities import luminance
from medsam2.volume.temporary_folder import explained_temporary_errors

_STDERR = 2
# GDCM decodes these, so that one which it refuses is damaged.
_DECODED = (
    uid.DeflatedExplicitVRLittleEndian,
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
    uid.JPEG2000Lossless,
    uid.JPEG2000,
    uid.RLELossless,
)
# All that a decoder needs to know; names, positions and the rescaling stay behind.
_PIXEL_ELEMENTS = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    *(
        f"{colour}PaletteColorLookupTable{part}"
        for colour in ("Red", "Green", "Blue")
        for part in ("Descriptor", "Data")
    ),
)


def decoded(
    file: ImageFile, indices: Sequence[int], scratch: Path, in_colour: bool = False
) -> Iterator[np.ndarray]:
    """Stored values (rows, columns) of frames of a file, those of colours as luminance.

    Args:
        file: the file.
        indices: which frames, ascending.
        scratch: folder for copies of single frames.
        in_colour: those of colours as (rows, columns, 3) instead.

    Raises:
        DamagedFile: the pixels cannot be decoded.
        InputError: no decoder for them is known, or ``scratch`` is full.
    """
    try:
        if file.pixels is None or file.colour:
            for values in _through_gdcm(file, indices, scratch):
                yield values if values.ndim == 2 or in_colour else luminance(values)
        else:
            yield from _native(file, file.pixels, indices)
    except OSError as error:
        raise DamagedFile(f"it cannot be read ({error.strerror})") from error


def _native(file: ImageFile, pixels: NativePixels, indices: Sequence[int]) -> Iterator[np.ndarray]:
    dtype = pixels.dtype
    count = file.shape[0] * file.shape[1]
    with file.path.open("rb") as stream:
        for index in indices:
            stream.seek(pixels.offset + index * count * dtype.itemsize)
            values = np.fromfile(stream, dtype, count)
            if len(values) < count:
                raise DamagedFile(CUT)
            yield _used_bits(file, values.astype(dtype.newbyteorder("="), copy=False)).reshape(file.shape)


def _used_bits(file: ImageFile, values: np.ndarray) -> np.ndarray:
    """Values without the bits above and below those in use, which may hold anything."""
    allocated = values.dtype.itemsize * 8
    if values.dtype.kind == "f" or file.bits == allocated:
        return values
    return values << (allocated - 1 - file.high_bit) >> (allocated - file.bits)


def _through_gdcm(file: ImageFile, indices: Sequence[int], scratch: Path) -> Iterator[np.ndarray]:
    """Compressed values and colours, from copies of one frame without the rescaling, which it would apply."""
    ds = _whole_file(file)
    syntax = UID(transfer_syntax(ds))
    path = scratch / "frame.dcm"
    for index in indices:
        values = None
        if syntax.is_transfer_syntax:
            content = _file_of_frame(ds, syntax, index)
            with explained_temporary_errors():
                path.write_bytes(content)
            values = _read_frame(path)
        if values is None and syntax not in _DECODED:
            raise InputError(
                f"{file.path} is compressed in a way that cannot be decoded here ({syntax.name}): convert it "
                "to an uncompressed file first."
            )
        if values is None or values.shape[:2] != file.shape:
            raise DamagedFile("its pixels cannot be decoded")
        yield values


def _whole_file(file: ImageFile) -> Dataset:
    try:
        return pydicom.dcmread(file.path, force=True)
    except OSError:
        raise
    except Exception as error:  # pydicom raises whatever a damaged file leads it to
        raise DamagedFile("it cannot be unpacked") from error


def _file_of_frame(ds: Dataset, syntax: UID, index: int) -> bytes:
    frame = Dataset()
    frame.SOPClassUID, frame.SOPInstanceUID = uid.SecondaryCaptureImageStorage, "2.25.1"
    frame.file_meta = FileMetaDataset()
    frame.file_meta.TransferSyntaxUID = syntax
    try:
        for name in _PIXEL_ELEMENTS:
            if name in ds:
                frame[name] = ds[name]
        if frame.get("PhotometricInterpretation") == "MONOCHROME1":
            frame.PhotometricInterpretation = "MONOCHROME2"  # else the decoder turns the values round
        if syntax.is_encapsulated:
            frame.PixelData = encapsulate([_encapsulated_frame(ds, index)])
            frame["PixelData"].is_undefined_length = True
        else:
            length = len(ds.PixelData) // _frame_count(ds)
            frame.PixelData = ds.PixelData[index * length : (index + 1) * length]
        content = io.BytesIO()
        frame.save_as(content, enforce_file_format=True)
        return content.getvalue()
    except Exception as error:  # whatever damaged fragments lead pydicom to
        raise DamagedFile(CUT) from error


def _encapsulated_frame(ds: Dataset, index: int) -> bytes:
    offsets = None
    if "ExtendedOffsetTable" in ds:
        offsets = ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths
    return get_frame(ds.PixelData, index, number_of_frames=_frame_count(ds), extended_offsets=offsets)


def _frame_count(ds: Dataset) -> int:
    return int(ds.get("NumberOfFrames") or 1)


def _read_frame(path: Path) -> np.ndarray | None:
    """The values (rows, columns), with colours as a third axis; None where there is no decoder for them."""
    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    try:
        with _silent_decoder():
            return SimpleITK.GetArrayFromImage(reader.Execute())[0]
    except RuntimeError:
        return None


@contextmanager
def _silent_decoder() -> Iterator[None]:
    """Keep off the terminal what libraries in C write there about damaged pixels."""
    try:
        terminal = os.dup(_STDERR)
    except OSError:  # a program without a terminal, as Slicer on Windows
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, _STDERR)
        yield
    finally:
        os.dup2(terminal, _STDERR)
        os.close(terminal)
        os.close(nowhere)
