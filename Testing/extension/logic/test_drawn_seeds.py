"""What is kept of a line that was drawn: little, and nothing that was drawn is far from it."""

import numpy as np
import pytest
import slicer
from MedSAM2SlicerLib.logic.DrawnSeeds import FINEST, MOST_KEPT, leavesItsSlice, lineSeed
from MedSAM2SlicerLib.logic.Seeds import LASSO_POSITIVE, STROKE_POSITIVE
from MedSAM2SlicerLib.logic.SegmentationGrid import SegmentationGrid

from fakes.make_nodes import makeSegmentation, rotation
from medsam2.polyline import distances

NORMAL = (0.0, 0.0, 1.0)
SIDE = 512


@pytest.fixture
def aGrid(aScene):
    """512 x 512 x 20 voxels of 0.7 x 0.7 x 5 mm: ``aGrid(degrees)``, turned about R."""

    def make(degrees: float = 0) -> SegmentationGrid:
        image = slicer.vtkOrientedImageData()
        image.SetExtent(0, SIDE - 1, 0, SIDE - 1, 0, 19)
        image.AllocateScalars(3, 1)
        matrix = rotation(degrees, "R") @ np.diag([0.7, 0.7, 5.0, 1.0])
        image.SetImageToWorldMatrix(slicer.util.vtkMatrixFromArray(matrix))
        return SegmentationGrid(image, makeSegmentation())

    return make


def keptOf(grid, kind: str, indices: np.ndarray) -> np.ndarray:
    """Rows and columns that are kept of a line through rows and columns of slice 10."""
    kji = np.column_stack([np.full(len(indices), 10.0), indices])
    seed = lineSeed(kind, grid.world(kji), NORMAL, grid)
    kept = grid.indices(np.array(seed.positions))
    np.testing.assert_allclose(kept[:, 0], 10, atol=1e-3)
    return kept[:, 1:]


def farthest(positions: np.ndarray, line: np.ndarray) -> float:
    return max(distances(position, line[:-1], line[1:]).min() for position in positions)


def shakily(line: np.ndarray) -> np.ndarray:
    """As a hand draws that trembles by a voxel's fraction."""
    return line + np.random.default_rng(1).uniform(-0.2, 0.2, line.shape)


def test_of_a_straight_line_the_ends_are_kept(aGrid):
    line = np.linspace([100, 100], [300, 400], 900)
    np.testing.assert_allclose(keptOf(aGrid(), STROKE_POSITIVE, line), line[[0, -1]], atol=1e-3)
    assert len(keptOf(aGrid(), STROKE_POSITIVE, shakily(line))) < 5


@pytest.mark.parametrize("radius", [3, 30, 150])
def test_of_a_lasso_less_than_a_hundred_positions_say_the_same(aGrid, radius):
    angles = np.linspace(0, 6.2, 1200)
    line = 256 + radius * np.column_stack([np.sin(angles), np.cos(angles)])
    for drawn in (line, shakily(line)):
        kept = keptOf(aGrid(), LASSO_POSITIVE, drawn)
        assert 8 <= len(kept) < 100
        assert farthest(drawn, kept) <= FINEST + 1e-3


def test_a_scrawl_is_kept_more_coarsely_so_that_others_have_room(aGrid):
    line = np.random.default_rng(0).uniform(100, 400, (900, 2))
    kept = keptOf(aGrid(), STROKE_POSITIVE, line)
    assert len(kept) == MOST_KEPT
    np.testing.assert_allclose(kept[[0, -1]], line[[0, -1]], atol=1e-3)


def test_a_line_that_comes_back_to_where_it_began_keeps_its_turn(aGrid):
    line = np.concatenate([np.linspace([200, 200], [200, 260], 60), np.linspace([200, 260], [200, 200], 60)])
    np.testing.assert_allclose(
        keptOf(aGrid(), STROKE_POSITIVE, line), [[200, 200], [200, 260], [200, 200]], atol=1e-3
    )


@pytest.mark.parametrize(
    ("degrees", "millimetres", "leaves"), [(0, 200, False), (10, 20, False), (10, 40, True)]
)
def test_only_what_stays_near_its_slice_is_placed_on_it(aGrid, degrees, millimetres, leaves):
    """The view lies along the patient's axes; turned by 10 degrees, slices of 5 mm are left after 28 mm."""
    grid = aGrid(degrees)
    begin = grid.world(np.array([10.0, 200, 200]))
    line = begin + np.outer(np.linspace(0, millimetres, 50), [0.0, 1.0, 0.0])
    assert leavesItsSlice(line, NORMAL, grid) is leaves
