"""One image plane of a DICOM file, as its header describes it."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from medsam2.volume.dicom.pixel_data import NativePixels


@dataclass(frozen=True, eq=False)
class ImageFile:
    """What the frames of one file have in common.

    Attributes:
        path: where it lies.
        patient_and_study: what tells examinations apart where the series do not.
        series_uid, series_number, description, modality, date: the series, as DICOM names it; date is
            YYYY-MM-DD or empty.
        frame_of_reference: what positions are counted from, empty where it is unknown.
        sop_uid: the file's own identifier, empty where it was removed.
        instance: instance number, 0 where there is none.
        shape: rows and columns of each image in it.
        pixels: where uncompressed pixels lie; None if they are compressed.
        bits, high_bit, signed: bits in use of each stored value, the highest of them, counted from 0, and
            whether values are signed.
        inverted: whether larger numbers are shown darker (MONOCHROME1) and showing is all they are for.
        colour: whether pixels are colours.
        through_table: whether a table (Modality LUT) gives the intensities of stored values.
    """

    path: Path
    patient_and_study: tuple[str, str]
    series_uid: str
    series_number: int | None
    description: str
    modality: str
    date: str
    frame_of_reference: str
    sop_uid: str
    instance: int
    shape: tuple[int, int]
    pixels: NativePixels | None
    bits: int
    high_bit: int
    signed: bool
    inverted: bool
    colour: bool
    through_table: bool


@dataclass(frozen=True, eq=False)
class Frame:
    """One plane of pixels and where it lies in the patient.

    Attributes:
        file: the file that holds it.
        index: number of the frame in the file, from 0.
        shape: rows and columns.
        position: centre of the first pixel, (3,) millimetres towards left, back and head (LPS), or None.
        directions: (2, 3) unit vectors along a row and along a column, or None.
        spacing: millimetres between rows and between columns, or None.
        thickness: millimetres, or None.
        step: millimetres to the next slice as the header says, or None.
        slope, intercept: stored value to intensity.
        kind: what always separates volumes, by name: image type, echo.
        marks: what separates volumes that would else be irregular, by name: stack, time, b-value.
        seconds: when it was acquired, from a beginning that its series shares; None if unknown.
        tile: first row and column of the part of the file's image that is this plane; all of it if None.
    """

    file: ImageFile
    index: int
    shape: tuple[int, int]
    position: np.ndarray | None
    directions: np.ndarray | None
    spacing: tuple[float, float] | None
    thickness: float | None = None
    step: float | None = None
    slope: float = 1.0
    intercept: float = 0.0
    kind: Mapping[str, Hashable] = field(default_factory=dict)
    marks: Mapping[str, Hashable] = field(default_factory=dict)
    seconds: float | None = None
    tile: tuple[int, int] | None = None

    @property
    def axes(self) -> np.ndarray:
        """The directions, of a plane that has them; ValueError for another."""
        if self.directions is None:
            raise ValueError(f"{self.file.path} does not say how its planes lie")
        return self.directions

    @property
    def normal(self) -> np.ndarray:
        """Unit vector (3,) across the plane, LPS; ValueError for one without directions."""
        along_row, along_column = self.axes
        return np.cross(along_row, along_column)
