import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from medsam2.placed_mask import PlacedMask
from medsam2.slice_grid import SliceGrid, nearest_voxel, nearest_voxels

GRID = SliceGrid((4, 4), (1.0, 1.0))
POSITIONS = st.one_of(st.integers(-20, 20).map(lambda number: number / 2), st.floats(-10, 10))


@given(POSITIONS)
@example(0.49999999999999994)
@example(-0.5)
def test_a_position_lies_in_the_cell_of_its_voxel(position):
    voxel = nearest_voxel(position)
    assert voxel - 0.500002 <= position < voxel + 0.5


@given(st.integers(-10, 10))
def test_a_position_between_two_voxels_belongs_to_the_higher_whatever_a_matrix_leaves_of_it(voxel):
    for rest in (0, 1e-12, -1e-12, -1e-7):
        assert nearest_voxel(voxel - 0.5 + rest) == voxel
    assert nearest_voxel(voxel - 0.5 - 1e-5) == voxel - 1


@given(st.lists(POSITIONS, min_size=1))
def test_many_positions_are_looked_up_as_one_is(positions):
    np.testing.assert_array_equal(nearest_voxels(positions), [nearest_voxel(each) for each in positions])


@given(POSITIONS, POSITIONS)
def test_a_slice_contains_its_rims_which_belong_to_the_outer_voxels(row, column):
    grid = SliceGrid((3, 5), (1.0, 1.0))
    assert grid.voxel(row, column) == (
        min(max(nearest_voxel(row), 0), 2),
        min(max(nearest_voxel(column), 0), 4),
    )
    if -0.5 <= row <= 2.5 and -0.5 <= column <= 4.5:
        assert grid.contains(row, column)
    if not (-0.51 <= row <= 2.51 and -0.51 <= column <= 4.51):
        assert not grid.contains(row, column)


def test_the_longer_side_of_a_slice_is_in_millimetres():
    assert SliceGrid((100, 30), (0.5, 2.0)).side == 60


@pytest.mark.parametrize(
    ("row", "column", "is_covered"),
    [(0.5, 0.5, True), (0.49, 0.5, False), (1.49, 2.49, True), (1.5, 1, False), (1, 2.5, False)],
)
def test_a_mask_covers_the_cells_of_its_voxels(row, column, is_covered):
    mask = PlacedMask.packed(np.ones((1, 2), bool), 1, 1)
    assert mask.covers(row, column, GRID) is is_covered


@pytest.mark.parametrize("position", [-0.5, 3.5])
def test_a_mask_at_the_rim_of_a_slice_covers_the_rim(position):
    assert PlacedMask.packed(np.ones((4, 4), bool)).covers(position, position, GRID)


def test_a_mask_covers_the_voxels_that_it_has_on_the_whole_slice():
    voxels = np.random.default_rng(0).random((3, 5)) > 0.5
    mask = PlacedMask.packed(voxels, 1, 2)
    grid = SliceGrid((6, 9), (1.0, 1.0))
    covered = [[mask.covers(row, column, grid) for column in range(9)] for row in range(6)]
    assert np.array_equal(covered, mask.full(grid.shape))
