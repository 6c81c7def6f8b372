"""The outline of a mask: where a voxel of the object borders on one that is not."""

import numpy as np


def outlineSegments(mask: np.ndarray, row: int = 0, column: int = 0) -> np.ndarray:
    """Edges of a mask as line segments along voxel borders.

    Args:
        mask: (h, w) bool; its first voxel lies at ``row``, ``column`` of the slice.

    Returns:
        (n, 2, 2): for each segment its two ends as (row, column), voxel centres at whole numbers.
    """
    padded = np.pad(np.asarray(mask, bool), 1)
    below = np.argwhere(padded[:-1] != padded[1:])  # between a row and the next
    beside = np.argwhere(padded[:, :-1] != padded[:, 1:])
    across = below[:, None] + [[0.5, -0.5], [0.5, 0.5]]
    along = beside[:, None] + [[-0.5, 0.5], [0.5, 0.5]]
    return np.concatenate([across, along]) + np.array([row - 1, column - 1])
