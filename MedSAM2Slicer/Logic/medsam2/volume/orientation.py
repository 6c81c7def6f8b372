"""How a grid lies in the patient, in words that a radiologist knows."""

from dataclasses import dataclass

import numpy as np

from medsam2.errors import InputError
from medsam2.slice_grid import AXES
from medsam2.volume.geometry import Geometry, axis_index

PLANES = ("sagittal", "coronal", "axial")
"""Slices across R, A and S."""
TOWARDS = (("left", "right"), ("back", "front"), ("feet", "head"))
"""Smaller and larger R, A, S."""
TILT_DEGREES = 0.5
"""Less than this is no tilt worth a word."""

CLEARLY_WIDER = 1.2


@dataclass(frozen=True)
class Orientation:
    """How the axes of a grid run.

    Attributes:
        axis: along which the slices lie, ``"k"``, ``"j"`` or ``"i"``: that of the widest spacing.
        plane: the nearest of ``"axial"``, ``"coronal"`` and ``"sagittal"`` to those slices.
        towards: where i, j and k run, the nearest of left, right, back, front, feet and head.
        tilt: largest angle between an axis and that direction, in degrees.
        shear: largest difference from 90 degrees between two axes, in degrees.
    """

    axis: str
    plane: str
    towards: tuple[str, str, str]
    tilt: float
    shear: float

    def sentence(self) -> str:
        """All of it in one line."""
        runs = ", ".join(f"{name} to the {end}" for name, end in zip("ijk", self.towards, strict=True))
        text = f"{self.plane} slices along {self.axis}; {runs}"
        if self.shear > TILT_DEGREES:
            text += f"; slices offset against each other by {self.shear:.1f} degrees (gantry tilt)"
        if self.tilt > max(TILT_DEGREES, self.shear + TILT_DEGREES):
            text += f"; tilted by up to {self.tilt:.1f} degrees"
        return text


def orientation(geometry: Geometry) -> Orientation:
    """How a grid lies in the patient."""
    ras_axes, signs = anatomical_axes(geometry)
    directions = geometry.ijk_to_ras[:3, :3] / np.linalg.norm(geometry.ijk_to_ras[:3, :3], axis=0)
    nearest = zip(ras_axes[::-1], signs[::-1], strict=True)
    i, j, k = (TOWARDS[ras][sign > 0] for ras, sign in nearest)
    along = [abs(directions[ras, column]) for column, ras in enumerate(ras_axes[::-1])]
    between = np.abs(directions.T @ directions)[np.triu_indices(3, 1)]
    axis = slice_axis(geometry)
    return Orientation(
        axis,
        PLANES[ras_axes[axis_index(axis)]],
        (i, j, k),
        tilt=float(np.degrees(np.arccos(min(1.0, *along)))),
        shear=float(np.degrees(np.arcsin(min(1.0, between.max())))),
    )


def slice_axis(geometry: Geometry) -> str:
    """The axis along which the slices of a volume lie: that of clearly the widest spacing, else k.

    A single slice lies across its own axis. Slices thinner than their pixels are wide lie along k: two
    equally wide spacings say nothing.
    """
    if 1 in geometry.shape:
        return AXES[geometry.shape.index(1)]
    *_, second, widest = sorted(geometry.spacing)
    return AXES[geometry.spacing.index(widest)] if widest > CLEARLY_WIDER * second else "k"


def anatomical_axes(geometry: Geometry) -> tuple[list[int], list[int]]:
    """For each array axis the nearest of R, A, S (0, 1, 2), each once, and the sign along it."""
    directions = geometry.ijk_to_ras[:3, 2::-1] / np.array(geometry.spacing)
    ras_axes, signs = [-1] * 3, [1] * 3
    closeness = np.abs(directions)
    for _ in range(3):
        ras, array = np.unravel_index(int(closeness.argmax()), closeness.shape)
        ras_axes[array], signs[array] = int(ras), 1 if directions[ras, array] > 0 else -1
        closeness[ras, :] = closeness[:, array] = -1
    return ras_axes, signs


def choose_axis(geometry: Geometry, wanted: str = "auto") -> str:
    """The array axis "k", "j" or "i" that is wanted, in upper or lower case.

    ``auto`` takes the axis along which the slices lie. A plane takes the axis nearest to its normal.

    Raises:
        InputError: ``wanted`` is none of these.
    """
    word = wanted.strip().lower()
    if word in AXES:
        return word
    if word in PLANES:
        return AXES[anatomical_axes(geometry)[0].index(PLANES.index(word))]
    if word != "auto":
        raise InputError(f"There is no axis {wanted}: give auto, axial, coronal, sagittal, k, j or i.")
    return slice_axis(geometry)
