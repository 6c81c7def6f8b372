"""Made-up DICOM files of rarer kinds: other encodings, Siemens mosaics, nuclear medicine."""

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    MRImageStorage,
    NuclearMedicineImageStorage,
)

from unit.volume.dicom.examples import (
    ORIGIN,
    SPACING,
    VOXELS,
    a_dataset,
    group,
    lps,
    numbers,
    place,
    set_pixels,
)

LARGE = np.tile(VOXELS, (1, 3, 3))
"""JPEG 2000 takes no smaller pictures."""


def encoded(syntax: UID) -> Callable[[Dataset], None]:
    """Puts a dataset with 16-bit pixels into a transfer syntax."""

    def encode(ds: Dataset) -> None:
        ds.file_meta.TransferSyntaxUID = syntax
        if syntax.is_encapsulated and syntax != DeflatedExplicitVRLittleEndian:
            ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            ds.compress(syntax)
        elif syntax == ExplicitVRBigEndian:
            ds.PixelData = np.frombuffer(ds.PixelData, "<i2").astype(">i2").tobytes()
            ds["PixelData"].VR = "OW"

    return encode


def csa_header(elements: Sequence[tuple[str, str, Sequence[str]]]) -> bytes:
    """Siemens' private header, version 2, of (name, representation, values)."""
    out = b"SV10\4\3\2\1" + struct.pack("<II", len(elements), 77)
    for name, representation, values in elements:
        count = max(6, len(values))
        out += struct.pack("<64si4siii", name.encode(), len(values), representation.encode(), 0, count, 77)
        for value in [*values, *[""] * (count - len(values))]:
            content = value.encode() + b"\0" if value else b""
            padding = b"\0" * (-len(content) % 4)
            out += struct.pack("<4i", len(content), len(content), 77, len(content)) + content + padding
    return out


def write_mosaic(path: Path, matrix: np.ndarray, voxels: np.ndarray = VOXELS, time: int = 1, **elements: Any):
    """A mosaic of the slices of a volume with this LPS matrix."""
    count, rows, columns = voxels.shape
    across = int(np.ceil(np.sqrt(count)))
    image = np.zeros((across * rows, across * columns), voxels.dtype)
    for number, plane in enumerate(voxels):
        row, column = number // across * rows, number % across * columns
        image[row : row + rows, column : column + columns] = plane
    step = np.linalg.norm(matrix[:3, :3], axis=0)
    ds = a_dataset(
        time,
        MRImageStorage,
        Modality="MR",
        ImageType=["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"],
        Manufacturer="SIEMENS",
        AcquisitionNumber=time,
        AcquisitionTime=f"1010{time:02d}",
    )
    set_pixels(ds, image)
    place(ds, matrix, 0)
    # As if one slice as large as the mosaic lay round the middle of the first slice.
    corner = [-(image.shape[1] - columns) / 2, -(image.shape[0] - rows) / 2, 0]
    ds.ImagePositionPatient = numbers(matrix[:3, :3] @ corner + matrix[:3, 3])
    ds.SpacingBetweenSlices = f"{step[2]:.8g}"
    block = ds.private_block(0x29, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x08, "CS", "IMAGE NUM 4")
    normal = [f"{part:.8f}" for part in matrix[:3, 2] / step[2]]
    header = csa_header([("NumberOfImagesInMosaic", "US", [str(count)]), ("SliceNormalVector", "FD", normal)])
    block.add_new(0x10, "OB", header)
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    ds.save_as(path, enforce_file_format=True)


def write_tomography(path: Path, step: float = SPACING[2]) -> None:
    """A reconstruction of nuclear medicine, whose place its detector gives."""
    ds = a_dataset(
        1,
        NuclearMedicineImageStorage,
        Modality="NM",
        ImageType=["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"],
    )
    ds.NumberOfFrames = ds.NumberOfSlices = len(VOXELS)
    set_pixels(ds, VOXELS)
    ds.PixelSpacing, ds.SliceThickness = numbers(SPACING[1::-1]), f"{abs(step):g}"
    ds.SpacingBetweenSlices = f"{step:g}"
    ds.SliceVector, ds.FrameIncrementPointer = list(range(1, len(VOXELS) + 1)), [0x00540080]
    ds.DetectorInformationSequence = [
        group(
            ImageOrientationPatient=numbers(lps()[:3, :2].T.ravel() / [*[SPACING[0]] * 3, *[SPACING[1]] * 3]),
            ImagePositionPatient=numbers(ORIGIN),
        )
    ]
    ds.save_as(path, enforce_file_format=True)
