"""A volume in memory: voxels as stored, their geometry, and its slices along any axis."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medsam2.errors import InputError
from medsam2.slice_grid import AXES
from medsam2.volume.geometry import Geometry, axis_index
from medsam2.volume.modality import parse_modality

if TYPE_CHECKING:
    from medsam2.volume.dicom.frame import Frame


@dataclass(frozen=True)
class ReadOptions:
    """Decisions for :func:`~medsam2.volume.files.reading.read_volume`; each default asks nothing.

    Attributes:
        series: number of the DICOM series to read, from 1, as listed; needed where several could be meant.
        volume: number of the volume to read, from 1, as listed; likewise.
        skip_damaged: leave damaged DICOM files out instead of refusing the folder.
        resample: resample slices that form no regular grid onto one instead of refusing them.
        nan: intensity that replaces voxels that are not a number or infinite; None refuses them.
        modality: DICOM's word for what made the image ("CT", "MR", …); None finds it out.

    Raises:
        InputError: there is no such modality.
    """

    series: int | None = None
    volume: int | None = None
    skip_damaged: bool = False
    resample: bool = False
    nan: float | None = None
    modality: str | None = None

    def __post_init__(self) -> None:
        if self.modality is not None:
            object.__setattr__(self, "modality", parse_modality(self.modality))


DEFAULT_READ_OPTIONS = ReadOptions()


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels (k, j, i) in their stored dtype, their grid, and the modality if known ("CT", "MR").

    Attributes:
        frames: the image of a DICOM file that each slice along k is; none where slices are no such images.
    """

    voxels: np.ndarray
    geometry: Geometry
    modality: str | None = None
    frames: "tuple[Frame, ...]" = ()

    def __post_init__(self) -> None:
        if self.voxels.shape != self.geometry.shape:
            raise ValueError(f"voxels of shape {self.voxels.shape} on a grid of {self.geometry.shape}")

    @classmethod
    def read(cls, path: str | os.PathLike, options: ReadOptions = DEFAULT_READ_OPTIONS) -> "Volume":
        """Read a DICOM folder or an image file: see :func:`medsam2.volume.files.reading.read_volume`."""
        from medsam2.volume.files.reading import read_volume  # reading builds on this module

        return read_volume(path, options)

    def slice_count(self, axis: str) -> int:
        """Number of slices along ``axis``."""
        return self.voxels.shape[axis_index(axis)]

    def slice(self, axis: str, index: int) -> np.ndarray:
        """One slice (rows, columns) as a view of the voxels; InputError for an index outside the volume."""
        count = self.slice_count(axis)
        if not 0 <= index < count:
            raise InputError(
                f"Slice {index} lies outside the volume: axis {axis} has slices 0 to {count - 1}."
            )
        return self.voxels[(slice(None),) * axis_index(axis) + (index,)]

    def slice_spacing(self, axis: str) -> tuple[float, float]:
        """Millimetres between the rows and between the columns of a slice along ``axis``."""
        rows, columns = self.geometry.plane_axes(axis)
        return self.geometry.spacing[rows], self.geometry.spacing[columns]


def check_axis(volume: Volume, axis: str) -> None:
    """Refuse an axis along which the slices are only one voxel wide, as those across a 2-D image are."""
    rows, columns = volume.geometry.plane_axes(axis)
    if min(volume.voxels.shape[rows], volume.voxels.shape[columns]) > 1:
        return
    if sorted(volume.voxels.shape)[1] == 1:
        raise InputError(
            "The image is a single row of voxels, with nothing to outline: give an image of at least two "
            "rows and two columns."
        )
    own = AXES[int(np.argmin(volume.voxels.shape))]
    raise InputError(
        f"The image is a single slice, so it cannot be segmented along axis {axis}: choose its own, {own}."
    )
