"""What strokes and lassos become before the network sees them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsam2.placed_mask import PlacedMask
from medsam2.prompt import DrawnLine, Prompt
from medsam2.slice_grid import SliceGrid
from medsam2.tracking.drawn_lines import (
    INNER_POINTS,
    MOST_POINTS,
    as_points,
    enclosed,
    inner_points,
    points_along,
    run_through,
)
from unit.tracking.examples import disc

GRID = SliceGrid((60, 80), (1.0, 1.0))
positions = st.tuples(st.floats(-0.5, 59.5), st.floats(-0.5, 79.5))
strokes = st.builds(DrawnLine, st.lists(positions, min_size=1, max_size=9).map(tuple), st.booleans())
lassos = st.builds(
    DrawnLine, st.lists(positions, min_size=3, max_size=9, unique=True).map(tuple), st.booleans()
)


def stroke(*line: tuple[float, float], positive: bool = True) -> DrawnLine:
    return DrawnLine(tuple((float(row), float(column)) for row, column in line), positive)


def square(row: float, column: float, side: float, positive: bool = True) -> DrawnLine:
    far_row, far_column = row + side, column + side
    return stroke(
        (row, column), (row, far_column), (far_row, far_column), (far_row, column), positive=positive
    )


def told(*drawn: DrawnLine, lassos=(), known=None, **more) -> Prompt:
    return as_points(Prompt(0, strokes=drawn, lassos=tuple(lassos), **more), GRID, known, MOST_POINTS)


def test_a_stroke_of_few_points_keeps_them_off_its_ends():
    line = stroke((10, 4), (10, 24))
    assert points_along(line, 1, GRID) == [(10, 14)]
    assert points_along(line, 2, GRID) == [(10, 9), (10, 19)]
    assert points_along(line, 3, GRID) == [(10, 4), (10, 14), (10, 24)]


def test_a_straight_stroke_becomes_evenly_spaced_points_with_its_ends():
    points = points_along(stroke((10, 5), (10, 20), (10, 38)), 12, GRID)
    np.testing.assert_allclose(points, [(10, 5 + 3 * step) for step in range(12)], atol=1e-9)


def test_ends_and_bends_are_among_the_points():
    points = points_along(stroke((10, 5), (10, 30), (40, 30)), 6, GRID)
    assert {(10, 5), (10, 30), (40, 30)} <= set(points)
    assert len(points) == 6
    assert all(column == 30 or row == 10 for row, column in points)


def test_bends_are_measured_in_millimetres():
    corner = stroke((10, 5), (10, 30), (11, 30))
    assert (10, 30) not in points_along(corner, 3, GRID)
    assert (10, 30) in points_along(corner, 3, SliceGrid((60, 80), (5.0, 0.5)))


def test_a_stroke_of_one_position_is_a_click():
    assert told(stroke((7, 8))) == Prompt(0, points=((7.0, 8.0, True),))
    assert told(stroke((7, 8), (7, 8), (7, 8), positive=False)).points == ((7.0, 8.0, False),)
    assert told(stroke((7, 8))).is_ambiguous


def test_a_short_stroke_does_not_crowd_a_voxel():
    assert len(told(stroke((7, 8), (7, 9.5))).points) == 1
    assert len(told(stroke((7, 8), (7, 14))).points) == 4


def test_strokes_share_the_points_by_their_length_and_keep_their_signs():
    points = told(stroke((5, 5), (5, 65)), stroke((30, 5), (30, 25), positive=False)).points
    assert len(points) == MOST_POINTS
    assert sum(not positive for *_, positive in points) == 3
    assert all(positive == (row == 5) for row, _, positive in points)


def test_clicks_stay_and_leave_fewer_points_to_the_lines():
    clicks = tuple((float(row), 3.0, False) for row in range(5))
    points = told(stroke((5, 5), (5, 65)), points=clicks).points
    assert points[:5] == clicks
    assert len(points) == MOST_POINTS


def test_each_stroke_becomes_a_point_where_there_are_more_of_them_than_wanted():
    several = [stroke((row, 3), (row, 33)) for row in (5, 15, 25)]
    prompt = as_points(Prompt(0, strokes=tuple(several)), GRID, None, 2)
    assert prompt.points == ((5, 18, True), (15, 18, True), (25, 18, True))


def test_of_very_many_strokes_the_latest_count():
    many = [stroke((row, 3), (row, 5)) for row in range(30)]
    assert {row for row, *_ in told(*many).points} == set(range(18, 30))


def test_a_lasso_becomes_its_box_and_points_deep_inside():
    prompt = told(lassos=[square(9.6, 19.6, 20)])
    assert prompt.box == (9.5, 19.5, 29.5, 39.5)
    assert (prompt.strokes, len(prompt.lassos)) == ((), 1)
    assert 1 <= len(prompt.points) <= INNER_POINTS
    assert all(positive and 14 < row < 25 and 24 < column < 35 for row, column, positive in prompt.points)


def test_inner_points_of_a_long_region_are_apart():
    region = np.zeros(GRID.shape, bool)
    region[20:25, 10:60] = True
    points = np.array(inner_points(region, 3, GRID))
    assert set(points[:, 0]) == {22}
    assert np.ptp(points[:, 1]) > 40


@pytest.mark.parametrize("turns", [1, 2])
def test_a_lasso_holds_what_it_runs_round_once_or_twice(turns):
    angle = np.linspace(0, 2 * np.pi * turns, 60 * turns)
    radius = np.linspace(12, 11, len(angle))
    line = stroke(*zip(30 + radius * np.sin(angle), 40 + radius * np.cos(angle), strict=True))
    inside = enclosed([line], GRID)
    assert (inside & disc(GRID.shape, (30, 40), 10.5)).sum() == disc(GRID.shape, (30, 40), 10.5).sum()
    assert not (inside & ~disc(GRID.shape, (30, 40), 12.5)).any()


def test_a_lasso_that_crosses_itself_holds_both_loops():
    inside = enclosed([stroke((10, 10), (30, 50), (30, 10), (10, 50))], GRID)
    assert inside[12, 30]
    assert inside[28, 30]
    assert not inside[20, 12]
    assert not inside[20, 48]


def test_a_lasso_between_voxel_centres_holds_the_voxel_it_is_in():
    tiny = stroke((10.1, 20.1), (10.1, 20.3), (10.3, 20.2))
    assert np.argwhere(enclosed([tiny], GRID)).tolist() == [[10, 20]]
    assert told(lassos=[tiny]).box == (9.5, 19.5, 10.5, 20.5)


def test_a_click_or_stroke_outside_of_a_lasso_says_that_there_is_more_of_the_object():
    lasso = square(10, 20, 20)
    assert told(lassos=[lasso], points=((15.0, 25.0, True), (50.0, 50.0, False))).lassos == (lasso,)
    assert told(lassos=[lasso], points=((50.0, 50.0, True),)).lassos == ()
    assert told(lassos=[lasso], points=((50.0, 50.0, True),)).box is None
    assert told(stroke((20, 30), (20, 60)), lassos=[lasso]).lassos == ()
    negative = square(40, 20, 10, positive=False)
    assert told(lassos=[lasso, negative], points=((50.0, 50.0, True),)).lassos == (negative,)


def test_a_lasso_beside_the_mask_adds_to_it_and_one_round_it_limits_it():
    mask = PlacedMask.cropped(disc(GRID.shape, (30, 20), 10))
    beside, round_it = square(19.6, 39.6, 16), square(22, 12, 16)
    assert told(lassos=[beside], known=mask).lassos == ()
    assert told(lassos=[beside], known=mask).box == (19.5, 9.5, 40.5, 55.5)
    assert told(lassos=[round_it], known=mask).lassos == (round_it,)


def test_a_negative_lasso_stays_as_it_is():
    lasso = square(25, 25, 25, positive=False)
    assert told(lassos=[lasso], points=((10.0, 10.0, True),)) == Prompt(
        0, points=((10.0, 10.0, True),), lassos=(lasso,)
    )


def test_a_negative_stroke_becomes_points_and_stays_as_it_is():
    line = stroke((10, 4), (10, 24), positive=False)
    prompt = told(line, stroke((20, 4), (20, 9)))
    assert prompt.strokes == (line,)
    assert {positive for _, _, positive in prompt.points} == {True, False}


def test_a_stroke_runs_through_the_voxels_that_its_positions_lie_in():
    def through(*line) -> set[tuple[int, int]]:
        rows, columns = run_through(stroke(*line), GRID)
        return set(zip(rows.tolist(), columns.tolist(), strict=True))

    assert through((10.4, 4), (10.4, 7.6)) == {(10, column) for column in range(4, 9)}
    assert through((3, 3), (6, 6)) == {(step, step) for step in range(3, 7)}
    assert through((59.5, -0.5)) == {(59, 0)}
    assert through((5, 5), (5, 5)) == {(5, 5)}
    corner = through((5, 5), (5, 8), (9, 8))
    assert corner == {(5, 5), (5, 6), (5, 7), *((row, 8) for row in range(5, 10))}


@settings(max_examples=25, deadline=None)
@given(st.lists(strokes, max_size=5), st.lists(lassos, max_size=4), st.lists(positions, max_size=15))
def test_whatever_is_drawn_becomes_few_points_on_the_slice(drawn, looped, clicks):
    points = tuple((*position, True) for position in clicks)
    prompt = Prompt(0, points=points, strokes=tuple(drawn), lassos=tuple(looped))
    if prompt.is_empty:
        return
    prompt.check(1, GRID)
    network = as_points(prompt, GRID, None, MOST_POINTS)
    network.check(1, GRID)
    assert network.points[: len(points)] == points
    assert len(network.points) <= len(points) + MOST_POINTS
    assert network.shows_object == prompt.shows_object
    assert as_points(prompt, GRID, None, MOST_POINTS) == network
