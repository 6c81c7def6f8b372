"""Prompts that a person who knows the truth would give."""

import numpy as np
from scipy import ndimage

from medsam2.prompt import Prompt

Spacing = tuple[float, float]
"""Millimetres between rows and between columns."""
PIXELS: Spacing = (1.0, 1.0)


def central_click(truth: np.ndarray, spacing: Spacing = PIXELS) -> Prompt:
    """A click at the deepest interior point of the largest slice of a mask (k, j, i)."""
    index = largest_slice(truth)
    return _click(index, truth[index], spacing, positive=True)


def central_box(truth: np.ndarray) -> Prompt:
    """A tight box on the largest slice of a mask (k, j, i)."""
    return tight_box(truth, largest_slice(truth))


def three_boxes(truth: np.ndarray) -> list[Prompt]:
    """Tight boxes on the first, the middle and the last slice of a mask (k, j, i), each slice once."""
    carrying = np.flatnonzero(truth.any(axis=(1, 2))).tolist()
    chosen = dict.fromkeys((carrying[0], carrying[len(carrying) // 2], carrying[-1]))
    return [tight_box(truth, index) for index in chosen]


def tight_box(truth: np.ndarray, index: int) -> Prompt:
    """A box from the outer edges of the first voxels to those of the last on one slice of a mask."""
    rows, columns = np.flatnonzero(truth[index].any(1)), np.flatnonzero(truth[index].any(0))
    top, bottom, left, right = (float(line[end]) for line in (rows, columns) for end in (0, -1))
    return Prompt(index, box=(top - 0.5, left - 0.5, bottom + 0.5, right + 0.5))


def corrective_click(predicted: np.ndarray, truth: np.ndarray, spacing: Spacing = PIXELS) -> Prompt | None:
    """A click where a mask (k, j, i) is most wrong, or None where it is right.

    It goes to the deepest interior point of the largest connected part of the error on any slice: a
    positive click on a part that was missed, a negative one on a part that leaked.
    """
    worst, worst_size, missed = None, 0, False
    for error, positive in ((truth & ~predicted, True), (predicted & ~truth, False)):
        for index in np.flatnonzero(error.any(axis=(1, 2))):
            parts, _ = ndimage.label(error[index])
            sizes = np.bincount(parts.ravel())
            sizes[0] = 0
            if sizes.max() > worst_size:
                worst, worst_size, missed = (int(index), parts == sizes.argmax()), sizes.max(), positive
    return None if worst is None else _click(*worst, spacing, missed)


def largest_slice(mask: np.ndarray) -> int:
    """The slice with most voxels of a mask (k, j, i)."""
    return int(mask.sum(axis=(1, 2)).argmax())


def _click(index: int, region: np.ndarray, spacing: Spacing, positive: bool) -> Prompt:
    row, column = deepest_point(region, spacing)
    return Prompt(index, points=((float(row), float(column), positive),))


def deepest_point(region: np.ndarray, spacing: Spacing = PIXELS) -> tuple[int, int]:
    """The voxel (row, column) of a region (rows, columns) bool that lies farthest inside."""
    depth = ndimage.distance_transform_edt(np.pad(region, 1), sampling=spacing)[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(row), int(column)
