"""Small made-up DICOM files: one volume of 6 slices of 12 x 14 voxels in every shape that DICOM gives it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, EnhancedMRImageStorage, ExplicitVRLittleEndian

ROOT = "1.2.826.0.1.3680043.8.498.4712"
SHAPE = (6, 12, 14)
SPACING, ORIGIN = (0.7, 0.9, 2.5), (10.0, -20.0, 30.0)  # i, j, k; LPS
VOXELS = np.random.default_rng(0).integers(-1000, 1000, SHAPE).astype(np.int16)
AXIAL = np.eye(3)
SAGITTAL = np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]], float)
CORONAL = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float)


def turned(*degrees: float) -> np.ndarray:
    """Directions (3, 3) of i, j and k as columns, after turns round x, y and z."""
    axes = np.eye(3)
    for axis, angle in enumerate(np.radians(degrees)):
        one, other = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[[one, other], [one, other]] = np.cos(angle)
        turn[other, one], turn[one, other] = np.sin(angle), -np.sin(angle)
        axes = turn @ axes
    return axes


def lps(axes: np.ndarray = AXIAL, spacing=SPACING, origin=ORIGIN, tilt: float = 0.0) -> np.ndarray:
    """Matrix (4, 4) from voxels (i, j, k) to LPS mm; each slice is shifted along j by a tilt in degrees."""
    matrix = np.eye(4)
    matrix[:3, :3] = axes @ np.diag(spacing)
    matrix[:3, 2] += matrix[:3, 1] / spacing[1] * spacing[2] * np.tan(np.radians(tilt))
    matrix[:3, 3] = origin
    return matrix


def ras(matrix: np.ndarray) -> np.ndarray:
    """The same matrix to RAS mm."""
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix


def numbers(values: Iterable[float]) -> list[str]:
    return [f"{value:.9g}"[:16] for value in values]


def a_dataset(instance: int, sop_class: str = CTImageStorage, **elements: Any) -> Dataset:
    """A file of a series without its pixels; ``elements`` are added, or taken away where they are None."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = sop_class
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = f"{ROOT}.3.{instance}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = f"{ROOT}.1", f"{ROOT}.2", f"{ROOT}.4"
    ds.PatientName, ds.PatientID, ds.Modality = "None", "None", "CT"
    ds.SeriesNumber, ds.InstanceNumber, ds.StudyDate = 1, instance, "20200131"
    ds.SeriesDescription, ds.ImageType = "made up", ["ORIGINAL", "PRIMARY", "AXIAL"]
    change(ds, elements)
    return ds


def change(ds: Dataset, elements: Mapping[str, Any]) -> None:
    """Set elements, and delete those that are None."""
    for keyword, value in elements.items():
        if value is not None:
            setattr(ds, keyword, value)
        elif keyword in ds:
            delattr(ds, keyword)


def set_pixels(ds: Dataset, stored: np.ndarray, **elements: Any) -> None:
    """Pixels (rows, columns), (frames, rows, columns), or with 3 colours as the last axis."""
    colours = stored.shape[-1] == 3
    ds.SamplesPerPixel = 3 if colours else 1
    ds.PhotometricInterpretation = "RGB" if colours else "MONOCHROME2"
    if colours:
        ds.PlanarConfiguration = 0
        ds.Rows, ds.Columns = stored.shape[-3:-1]
    else:
        ds.Rows, ds.Columns = stored.shape[-2:]
    ds.BitsAllocated = ds.BitsStored = stored.dtype.itemsize * 8
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, int(stored.dtype.kind == "i")
    change(ds, elements)
    ds.PixelData = stored.tobytes() + b"\0" * (stored.nbytes % 2)


def place(ds: Dataset, matrix: np.ndarray, number: int) -> None:
    """Say where slice ``number`` of the volume with this LPS matrix lies."""
    step = np.linalg.norm(matrix[:3, :3], axis=0)
    ds.ImageOrientationPatient = numbers([*(matrix[:3, 0] / step[0]), *(matrix[:3, 1] / step[1])])
    ds.ImagePositionPatient = numbers(matrix[:3, 3] + matrix[:3, 2] * number)
    ds.PixelSpacing, ds.SliceThickness = numbers([step[1], step[0]]), f"{step[2]:.8g}"


def write_series(
    folder: Path,
    matrix: np.ndarray | Callable[[int], np.ndarray] | None = None,
    stored: np.ndarray = VOXELS,
    rescale: Callable[[int], tuple[float, float]] = lambda number: (1, 0),
    slices: Iterable[int] | None = None,
    first: int = 1,
    name: str = "s",
    each: Callable[[int], Mapping[str, Any]] = lambda number: {},
    finish: Callable[[Dataset], None] = lambda ds: None,
    **elements: Any,
) -> Path:
    """One file per slice; the volume's LPS matrix may be a function of the slice's number.

    ``each`` gives elements of a slice, ``elements`` those of all; ``finish`` has the last word.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(len(stored)) if slices is None else slices:
        ds = a_dataset(first + number)
        set_pixels(ds, stored[number])
        here = matrix(number) if callable(matrix) else lps() if matrix is None else matrix
        place(ds, here, number)
        ds.RescaleSlope, ds.RescaleIntercept = map(str, rescale(number))
        change(ds, {**elements, **each(number)})
        finish(ds)
        ds.save_as(folder / f"{name}{number:02d}.dcm", enforce_file_format=True)
    return folder


def write_enhanced(
    path: Path,
    frames: Sequence[tuple[int, Mapping[str, Any]]],
    matrix: np.ndarray | None = None,
    stored: np.ndarray | None = None,
    dimensions: Sequence[str] = (),
    shared: Mapping[str, Dataset] | None = None,
    macros: Callable[[int], Mapping[str, Dataset]] = lambda index: {},
    sop_class: str = EnhancedMRImageStorage,
    finish: Callable[[Dataset], None] = lambda ds: None,
    **elements: Any,
) -> Path:
    """An enhanced file: each frame shows a slice of the volume, with elements of its Frame Content.

    ``macros`` adds functional groups of a frame, ``shared`` those of all.
    """
    matrix = lps() if matrix is None else matrix
    step = np.linalg.norm(matrix[:3, :3], axis=0)
    ds = a_dataset(1, sop_class, Modality="MR", ImageType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])
    common = Dataset()
    common.PixelMeasuresSequence = [
        group(PixelSpacing=numbers([step[1], step[0]]), SliceThickness=f"{step[2]:.8g}")
    ]
    common.PlaneOrientationSequence = [
        group(ImageOrientationPatient=numbers([*(matrix[:3, 0] / step[0]), *(matrix[:3, 1] / step[1])]))
    ]
    for macro, content in (shared or {}).items():
        setattr(common, macro, [content])
    ds.SharedFunctionalGroupsSequence, groups = [common], []
    for index, (number, content) in enumerate(frames):
        own = Dataset()
        own.PlanePositionSequence = [
            group(ImagePositionPatient=numbers(matrix[:3, 3] + matrix[:3, 2] * number))
        ]
        own.FrameContentSequence = [group(**content)]
        for macro, added in macros(index).items():
            setattr(own, macro, [added])
        groups.append(own)
    ds.PerFrameFunctionalGroupsSequence, ds.NumberOfFrames = groups, len(groups)
    ds.DimensionIndexSequence = [group(DimensionIndexPointer=keyword) for keyword in dimensions]
    set_pixels(ds, np.stack([VOXELS[number] for number, _ in frames]) if stored is None else stored)
    change(ds, elements)
    finish(ds)
    ds.save_as(path, enforce_file_format=True)
    return path


def group(**elements: Any) -> Dataset:
    """One item of a sequence."""
    ds = Dataset()
    change(ds, elements)
    return ds
