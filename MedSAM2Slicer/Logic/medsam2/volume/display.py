"""How a slice is hung on the screen, as radiologists expect it."""

from dataclasses import dataclass

import numpy as np

from medsam2.volume.geometry import Geometry, axis_index
from medsam2.volume.orientation import anatomical_axes

LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))
"""Towards smaller and larger R, A, S."""


@dataclass(frozen=True)
class Hanging:
    """How a slice (rows, columns) is turned for display: flips first, then the transposition.

    ``letters`` name the left, right, top and bottom edges of the displayed slice.
    """

    flip_rows: bool
    flip_columns: bool
    transpose: bool
    letters: tuple[str, str, str, str]

    def turned(self, plane: np.ndarray) -> np.ndarray:
        """A slice (rows, columns), or a part of it, as it is displayed."""
        plane = plane[:: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]
        return plane.T if self.transpose else plane

    def turned_point(self, row: float, column: float, shape: tuple[int, int]) -> tuple[float, float]:
        """(x, y) on the displayed plane of a voxel of a plane of ``shape``."""
        row = shape[0] - 1 - row if self.flip_rows else row
        column = shape[1] - 1 - column if self.flip_columns else column
        return (row, column) if self.transpose else (column, row)


def hanging(geometry: Geometry, axis: str) -> Hanging:
    """Radiological convention: patient's right on the left, front or head on top; sagittal looks left."""
    ras_axes, signs = anatomical_axes(geometry)
    rows, columns = (a for a in range(3) if a != axis_index(axis))
    normal = ras_axes[axis_index(axis)]
    # Which RAS axis runs to the right and which to the bottom, with the sign it has to have there.
    across, down = {0: ((1, -1), (2, -1)), 1: ((0, -1), (2, -1)), 2: ((0, -1), (1, -1))}[normal]
    transpose = ras_axes[rows] == across[0]
    row_goal, column_goal = (across, down) if transpose else (down, across)
    letters = (
        LETTERS[across[0]][across[1] < 0],
        LETTERS[across[0]][across[1] > 0],
        LETTERS[down[0]][down[1] < 0],
        LETTERS[down[0]][down[1] > 0],
    )
    return Hanging(signs[rows] != row_goal[1], signs[columns] != column_goal[1], transpose, letters)
