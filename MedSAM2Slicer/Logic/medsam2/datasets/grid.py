"""Whether labels lie on their image's grid."""

from collections.abc import Iterable

import numpy as np

from medsam2.volume import Geometry

SPACING_MM, ORIGIN_MM, DIRECTION = 1e-3, 0.05, 1e-3
"""Differences up to these come from rounding in headers: millimetres, millimetres, direction cosines."""


def grid_difference(image: Geometry, labels: Geometry) -> str | None:
    """The first difference between two grids in words, or None where they agree."""
    if labels.shape != image.shape:
        return f"its size is {_text(labels.shape)} voxels (k, j, i), not {_text(image.shape)}"
    if not np.allclose(labels.spacing, image.spacing, rtol=0, atol=SPACING_MM):
        return f"its spacing is {_text(labels.spacing)} mm (k, j, i), not {_text(image.spacing)}"
    if not np.allclose(_directions(labels), _directions(image), rtol=0, atol=DIRECTION):
        return "its axes have other directions"
    if not np.allclose(_origin(labels), _origin(image), rtol=0, atol=ORIGIN_MM):
        return f"its origin is at {_text(_origin(labels))} mm (R, A, S), not {_text(_origin(image))}"
    return None


def _directions(geometry: Geometry) -> np.ndarray:
    return geometry.ijk_to_ras[:3, :3] / geometry.spacing[::-1]


def _origin(geometry: Geometry) -> np.ndarray:
    return geometry.ijk_to_ras[:3, 3]


def _text(numbers: Iterable[float]) -> str:
    return " x ".join(f"{number:g}" for number in numbers)
