"""What is asked of the backend, as the effect says it. Objects are named by segment IDs."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class VolumeOffer:
    """A volume as it is sent: voxels (k, j, i), spacing in mm along them, and how it is shown.

    ``key`` says whether it is still the same: grid, voxels and options.
    """

    key: tuple
    voxels: np.ndarray = field(repr=False)
    spacing: tuple[float, float, float]
    modality: str | None
    window: tuple[float, float] | None
    memory: str


@dataclass(frozen=True, eq=False)
class SlicePrompt:
    """All that was said of one object on one slice, in voxels of the slice.

    Attributes:
        points: (row, column, positive).
        box: two opposite corners (row, column, row, column).
        mask: (rows, columns) bool.
        view: "auto", "slice", millimetres, or None to keep the object's.
    """

    objectId: str
    axis: str
    sliceIndex: int
    points: tuple[tuple[float, float, bool], ...] = ()
    box: tuple[float, float, float, float] | None = None
    mask: np.ndarray | None = None
    view: str | float | None = None
