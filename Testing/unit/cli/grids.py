"""All ways in which a grid may lie in the patient."""

import itertools
from collections.abc import Iterator

import numpy as np

from medsam2.volume import Geometry

SHAPE = (9, 11, 13)
SPACING = np.array([1.0, 1.5, 2.5])


def grids() -> Iterator[tuple]:
    """All 48 ways in which i, j, k may run along R, A, S."""
    return itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3))


def geometry(order, signs, tilt: float = 0.0) -> Geometry:
    """A grid whose i, j, k run along the patient's axes ``order`` with ``signs``, turned by ``tilt``."""
    matrix = np.eye(4)
    matrix[:3, :3] = 0
    for column, (axis, sign) in enumerate(zip(order, signs, strict=True)):
        matrix[axis, column] = sign * SPACING[column]
    cos, sin = np.cos(tilt), np.sin(tilt)
    about_r = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    about_s = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    matrix[:3, :3] = about_r @ about_s @ matrix[:3, :3]
    return Geometry(SHAPE, matrix)
