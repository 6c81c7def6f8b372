"""Along which axes of a volume an object is tracked: one, or several whose answers are fused."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from medsam2.slice_grid import AXES, Axis

Orientations = Literal[1, 3, 6]
"""How many ways through the volume: one axis; all three; each of them outward and inward."""
STRETCHED = 3.0
"""Voxels so many times as long as wide show a network stairs instead of an outline."""
FEWEST = 8
"""Rows or columns of a slice; of fewer there is nothing to see."""


@dataclass(frozen=True)
class CoarseAxis:
    """An axis whose slices are too coarse to track along.

    Attributes:
        axis: which.
        shape, spacing: voxels of a slice along it, and their size in millimetres.
    """

    axis: Axis
    shape: tuple[int, int]
    spacing: tuple[float, float]


def other_axes(
    shape: Sequence[int], spacing: Sequence[float], axis: Axis
) -> tuple[list[Axis], list[CoarseAxis]]:
    """The axes beside ``axis`` that can be tracked along, and those that are too coarse for it.

    Args:
        shape: voxels along k, j and i.
        spacing: millimetres between them.
        axis: of the prompts.
    """
    usable: list[Axis] = []
    coarse = []
    for number, other in enumerate(AXES):
        if other == axis:
            continue
        (rows, height), (columns, width) = [
            (int(shape[each]), float(spacing[each])) for each in range(3) if each != number
        ]
        is_coarse = min(rows, columns) < FEWEST or max(height, width) > STRETCHED * min(height, width)
        if is_coarse:
            coarse.append(CoarseAxis(other, (rows, columns), (height, width)))
        else:
            usable.append(other)
    return usable, coarse
