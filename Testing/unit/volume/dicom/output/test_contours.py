"""Outlines of masks of every shape: the voxels inside are the mask's, whatever holes it has."""

import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from matplotlib.path import Path as Line

from medsam2.volume.dicom.output.contours import closed_contours


def inside(contours: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    centres = np.stack(np.meshgrid(np.arange(shape[1]), np.arange(shape[0])), axis=-1).reshape(-1, 2)
    found = np.zeros(shape, bool)
    for line in contours:
        found |= Line(np.vstack([line, line[:1]])).contains_points(centres).reshape(shape)
    return found


def area(line: np.ndarray) -> float:
    x, y = line.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_the_voxels_inside_are_those_of_the_mask(mask):
    np.testing.assert_array_equal(inside(closed_contours(mask), mask.shape), mask)


def test_holes_beside_and_in_each_other_are_in_the_line_round_them():
    mask = np.zeros((20, 20), bool)
    mask[1:19, 1:19] = True
    mask[3:9, 3:9] = mask[3:6, 12:15] = mask[11:17, 4:16] = False
    mask[13:15, 6:9] = True  # an island in a hole
    lines = closed_contours(mask)
    assert len(lines) == 2
    np.testing.assert_array_equal(inside(lines, mask.shape), mask)


def test_a_rectangle_is_its_corners_half_a_voxel_outside_its_centres():
    mask = np.zeros((6, 8), bool)
    mask[1:5, 0:7] = True
    (line,) = closed_contours(mask)
    assert len(line) == 8
    assert (line.min(axis=0).tolist(), line.max(axis=0).tolist()) == ([-0.5, 0.5], [6.5, 4.5])
    assert area(line) == 28 - 4 * 0.125


def test_an_empty_slice_has_no_line():
    assert closed_contours(np.zeros((4, 4), bool)) == []
