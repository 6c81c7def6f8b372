import numpy as np
import pytest
import torch

from medsam2.errors import InputError
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import DrawnLine, Prompt
from medsam2.slice_grid import SliceGrid
from medsam2.tracking import FieldOfView
from medsam2.tracking.slice_network import network_points
from unit.tracking.examples import click

COUNT, GRID = 5, SliceGrid((20, 30), (1.0, 1.0))
MASK = PlacedMask.packed(np.ones((4, 3), bool), 4, 10)
STROKE = DrawnLine(((3, 4), (5, 9)), positive=True)
LASSO = DrawnLine(((3, 4), (5, 9), (9, 2)), positive=False)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (click(5, 3, 3), r"Slice 5 does not exist.*0 to 4"),
        (click(-1, 3, 3), r"Slice -1 does not exist"),
        (Prompt(0), r"The prompt is empty"),
        (click(0, 19.6, 3), r"row 19.6, column 3 lies outside the slice of 20 x 30"),
        (click(0, 3, -0.6), r"lies outside"),
        (click(0, float("nan"), 3), r"lies outside"),
        (Prompt(0, box=(0, 0, 5, 30)), r"lies outside"),
        (Prompt(0, box=(3, 4, 3, 9)), r"box has no area"),
        (Prompt(0, box=(3, 4, 9, 4)), r"box has no area"),
        (Prompt(0, mask=PlacedMask.packed(np.zeros((20, 30), bool))), r"mask is empty"),
        (Prompt(0, mask=PlacedMask.packed(np.ones((2, 2), bool), 19, 0)), r"mask reaches beyond the slice"),
        (Prompt(0, mask=PlacedMask.packed(np.ones((2, 2), bool), 0, 29)), r"mask reaches beyond the slice"),
        (Prompt(0, points=((3, 3, True),), mask=MASK), r"mask is a prompt of its own"),
        (Prompt(0, box=(1, 1, 5, 5), mask=MASK), r"mask is a prompt of its own"),
        (Prompt(0, strokes=(STROKE,), mask=MASK), r"mask is a prompt of its own"),
        (Prompt(0, strokes=(DrawnLine((), True),)), r"stroke has no position"),
        (Prompt(0, strokes=(DrawnLine(((3, 3), (3, 30)), True),)), r"row 3, column 30 lies outside"),
        (Prompt(0, lassos=(DrawnLine(((3, 3), (9, 9), (3, 3)), True),)), r"lasso encloses nothing"),
        (Prompt(0, strokes=(DrawnLine(((3, 3),) * 600, True),) * 2), r"1200 positions.*at most 1000"),
    ],
)
def test_prompts_that_do_not_fit_are_refused(prompt, message):
    with pytest.raises(InputError, match=message):
        prompt.check(COUNT, GRID)


@pytest.mark.parametrize(
    "prompt",
    [
        click(0, -0.5, -0.5),
        click(4, 19.5, 29.5, positive=False),
        Prompt(2, box=(9, 9, 3, 4)),
        Prompt(2, points=((3, 3, True),), box=(0, 0, 19, 29)),
        Prompt(1, mask=MASK),
        Prompt(1, strokes=(STROKE, DrawnLine(((3, 3),), False)), lassos=(LASSO,)),
    ],
)
def test_prompts_that_fit_are_accepted(prompt):
    prompt.check(COUNT, GRID)


def test_corners_are_all_places_that_must_be_seen():
    prompt = Prompt(0, points=((1, 2, True), (3, 4, False)), box=(5, 6, 7, 8))
    assert prompt.corners() == [(1, 2), (3, 4), (5, 6), (7, 8)]
    assert Prompt(0, mask=MASK).corners() == [(4, 10), (7, 12)]
    assert Prompt(0, mask=PlacedMask.packed(MASK.full(GRID.shape))).corners() == [(4, 10), (7, 12)]


def test_points_add_up_and_a_new_box_replaces_the_old():
    earlier = Prompt(0, points=((1, 2, True),), box=(0, 0, 9, 9))
    joined = click(0, 3, 4, positive=False).joined_with(earlier)
    assert joined.points == ((1, 2, True), (3, 4, False))
    assert joined.box == (0, 0, 9, 9)
    assert Prompt(0, box=(1, 1, 5, 5)).joined_with(earlier).box == (1, 1, 5, 5)


def test_the_network_takes_x_and_y_box_first():
    prompt = Prompt(0, points=((12, 14, True), (10, 29, False)), box=(19, 24, 11, 14))
    points, labels = network_points(prompt, FieldOfView(10, 10, 10, 20), 40)
    # Pixels are a quarter of a row and half of a column; centres lie at whole numbers.
    expected = [[8.5, 5.5], [28.5, 37.5], [8.5, 9.5], [38.5, 1.5]]
    torch.testing.assert_close(points, torch.tensor([expected]))
    assert labels.tolist() == [[2, 3, 1, 0]]


def test_only_a_single_click_is_ambiguous():
    assert click(0, 1, 1).is_ambiguous
    assert not Prompt(0, points=((1, 1, True), (2, 2, True))).is_ambiguous
    assert not Prompt(0, box=(1, 1, 5, 5)).is_ambiguous
    assert not Prompt(0, points=((1, 1, True),), box=(1, 1, 5, 5)).is_ambiguous


def test_lines_add_up_and_must_be_seen():
    prompt = Prompt(0, lassos=(LASSO,)).joined_with(Prompt(0, strokes=(STROKE,)))
    assert (prompt.strokes, prompt.lassos) == ((STROKE,), (LASSO,))
    assert prompt.corners() == [(3, 4), (5, 9), (3, 4), (5, 9), (9, 2)]


def test_a_line_says_where_the_object_is_or_only_where_it_is_not():
    assert Prompt(0, strokes=(STROKE,)).shows_object
    assert not Prompt(0, lassos=(LASSO,)).shows_object
    assert not Prompt(0, strokes=(STROKE,)).is_ambiguous
