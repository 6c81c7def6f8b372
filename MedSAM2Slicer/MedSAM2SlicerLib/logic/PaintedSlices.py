"""Slices of a segment that say by themselves what the object is there: painted, imported or accepted."""

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt

from .Seeds import PAINTED, PlacedSeed, Ras, Seed
from .SegmentationGrid import SegmentationGrid, SlicePosition
from .SegmentContent import SegmentContent

if TYPE_CHECKING:
    from medsam2.slice_grid import Axis

MOST = 500
"""Slices of one segment that become prompts at once: each takes the backend time and memory."""


def paintedSeed(
    mask: PlacedMask, axis: "Axis", index: int, grid: SegmentationGrid, normal: Ras
) -> PlacedSeed:
    """A seed on what is painted on a slice, where a click finds it."""
    row, column = innermost(mask.voxels)
    position = SlicePosition(axis, index, mask.row + row, mask.column + column)
    right, anterior, superior = (round(value, 3) for value in grid.ras(position))  # there may be many
    return PlacedSeed(Seed(PAINTED, (right, anterior, superior), normal), position)


def finishedSeeds(
    content: SegmentContent, grid: SegmentationGrid, axis: "Axis", normal: Ras, leftOut: Collection[int]
) -> list[tuple[PlacedSeed, Prompt]]:
    """Seeds on all slices along an axis on which a segment has voxels, and what they say.

    Args:
        leftOut: slices that get none. At most one more than ``MOST`` are looked at.
    """
    slices = [index for index in content.slices(axis) if index not in leftOut][: MOST + 1]
    masks = {index: content.mask(axis, index) for index in slices}
    return [
        (paintedSeed(mask, axis, index, grid, normal), Prompt(index, mask=mask))
        for index, mask in masks.items()
    ]


def innermost(mask: np.ndarray) -> tuple[int, int]:
    """Row and column of the voxel of a mask that is nearest to its centroid."""
    rows, columns = mask.sum(axis=1), mask.sum(axis=0)
    centroid = (
        np.average(np.arange(len(rows)), weights=rows),
        np.average(np.arange(len(columns)), weights=columns),
    )
    row, column = (round(float(part)) for part in centroid)
    if not mask[row, column]:
        positions = np.argwhere(mask)
        row, column = positions[((positions - centroid) ** 2).sum(axis=1).argmin()].tolist()
    return row, column
