"""The outline of a mask on a slice as closed lines, half-way between voxels inside and outside."""

from collections.abc import Sequence
from itertools import pairwise

import contourpy
import numpy as np


def closed_contours(mask: np.ndarray) -> list[np.ndarray]:
    """One line (n, 2) in columns and rows round each part of a mask (rows, columns), its end not repeated.

    The centres of the voxels inside are those of the mask. A hole is joined to the line round it by a
    keyhole, DICOM's way for CLOSED_PLANAR: a channel without width, gone through in both directions.
    """
    if not mask.any():
        return []
    first_row, first_column = (int(np.flatnonzero(mask.any(axis=other))[0]) for other in (1, 0))
    last_row, last_column = (int(np.flatnonzero(mask.any(axis=other))[-1]) for other in (1, 0))
    part = mask[first_row : last_row + 1, first_column : last_column + 1]
    # With a border, at which the object ends.
    lines = contourpy.contour_generator(z=np.pad(part, 1).astype(float), fill_type="OuterOffset")
    contours = []
    for points, ends in zip(*lines.filled(0.5, 2.0), strict=True):
        rings = [points[start : end - 1] for start, end in pairwise(ends)]
        contours.append(_corners(_with_keyholes(rings)) + np.array([first_column - 1, first_row - 1]))
    return contours


def _with_keyholes(rings: Sequence[np.ndarray]) -> np.ndarray:
    """One line of an outer ring and the holes in it.

    From the top of a hole the channel runs up between two columns of voxels, never through a centre, to the
    next point. That is on the outer ring, or on a hole whose top is higher and which has been joined before.
    """
    if len(rings) == 1:
        return rings[0]
    outline, *holes = map(_with_middles, rings)
    for hole, top in sorted(((hole, _top(hole)) for hole in holes), key=lambda each: each[0][each[1], 1]):
        column, row = hole[top]
        above = np.flatnonzero((outline[:, 0] == column) & (outline[:, 1] < row))
        end = above[outline[above, 1].argmax()]
        there_and_round = [outline[: end + 1], np.roll(hole, -top, axis=0)]
        outline = np.concatenate([*there_and_round, hole[top : top + 1], outline[end:]])
    return outline


def _with_middles(ring: np.ndarray) -> np.ndarray:
    """A ring with the middle of each step, so that it has points wherever it passes between two columns."""
    return np.stack([ring, (ring + np.roll(ring, -1, axis=0)) / 2], axis=1).reshape(-1, 2)


def _top(ring: np.ndarray) -> int:
    """Which of the points half-way between two columns is the highest."""
    return int(np.where(ring[:, 0] % 1 == 0.5, ring[:, 1], np.inf).argmin())


def _corners(line: np.ndarray) -> np.ndarray:
    """A line without the points at which it goes straight on."""
    come, go = line - np.roll(line, 1, axis=0), np.roll(line, -1, axis=0) - line
    turns = come[:, 0] * go[:, 1] != come[:, 1] * go[:, 0]
    return line[turns | ((come * go).sum(axis=1) < 0)]
