"""Where a plane lies and how large its pixels are, from whichever elements say so."""

from collections.abc import Iterable

import numpy as np
from pydicom import Dataset

from medsam2.volume.dicom.header import DamagedFile, number, numbers, whole

_SPACINGS = ("PixelSpacing", "NominalScannedPixelSpacing", "ImagerPixelSpacing")
_CENTIMETRES = 3
_OF_TISSUE = ("RegionSpatialFormat", "RegionDataType")
"""Both are 1 for a picture of tissue in two dimensions."""
_ROUNDING = 0.02
"""Direction cosines may be off by this: some files give two digits."""


def position(ds: Dataset, keyword: str = "ImagePositionPatient") -> np.ndarray | None:
    """Centre of the first pixel, (3,) millimetres LPS."""
    found = numbers(ds, keyword, 3)
    return None if found is None else np.array(found)


def directions(ds: Dataset, keyword: str = "ImageOrientationPatient") -> np.ndarray | None:
    """Unit vectors (2, 3) along a row and along a column; DamagedFile where they are no such thing."""
    found = numbers(ds, keyword, 6)
    if found is None:
        return None
    row, column = np.reshape(found, (2, 3))
    lengths = np.linalg.norm([row, column], axis=1)
    if abs(lengths - 1).max() > _ROUNDING or abs(row @ column) > _ROUNDING:
        raise DamagedFile("its Image Orientation Patient is no pair of directions at right angles")
    row = row / lengths[0]
    column = column - (column @ row) * row
    return np.array([row, column / np.linalg.norm(column)])


def spacing(datasets: Iterable[Dataset]) -> tuple[float, float] | None:
    """Millimetres between rows and between columns, from the first of the datasets that tells."""
    for ds in datasets:
        for keyword in _SPACINGS:
            found = numbers(ds, keyword, 2)
            if found is not None and min(found) > 0:
                rows, columns = found
                return rows, columns
    return None


def ultrasound_spacing(ds: Dataset) -> tuple[float, float] | None:
    """Millimetres between rows and between columns of the image; None where it has no calibrated region.

    Beside the picture of tissue there may be others, such as a curve over time.
    """
    regions = [region for region in ds.get("SequenceOfUltrasoundRegions") or [] if _is_calibrated(region)]
    if not regions:
        return None
    image = max(regions, key=lambda region: [whole(region, keyword, 1) == 1 for keyword in _OF_TISSUE])
    rows, columns = (number(image, f"PhysicalDelta{axis}", 0.0) for axis in "YX")
    return 10 * abs(rows), 10 * abs(columns)


def _is_calibrated(region: Dataset) -> bool:
    """Whether both directions of a region are distances."""
    units = [number(region, f"PhysicalUnits{axis}Direction") for axis in "YX"]
    return units == [_CENTIMETRES] * 2 and all(number(region, f"PhysicalDelta{axis}") for axis in "YX")
