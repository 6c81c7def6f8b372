import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.slice_grid import SliceGrid
from medsam2.tracking import FieldOfView
from medsam2.tracking.field_of_view_choice import (
    NEAR_BORDER,
    PROMPT_SHARE,
    ROOMY,
    ZOOMS,
    Candidate,
    best_field_of_view,
    candidate_fields_of_view,
    following_field_of_view,
    mask_field_of_view,
    prompt_field_of_view,
)
from unit.tracking.examples import click

GRID = SliceGrid((200, 200), (1.0, 1.0))
FIELD_OF_VIEW = FieldOfView(70, 70, 60, 60)
FAST = settings(max_examples=40, deadline=None)


def a_mask(
    row: int,
    column: int,
    height: int,
    width: int,
    field_of_view: FieldOfView = FIELD_OF_VIEW,
    iou: float = 0.9,
) -> Candidate:
    """A filled rectangle on the slice."""
    logits = np.full((64, 64), 5.0 if height else -5.0, np.float32)
    return Candidate(field_of_view, placed(row, column, height, width), iou, logits)


def placed(row: int, column: int, height: int, width: int) -> PlacedMask:
    return PlacedMask.packed(np.ones((height, width), bool), row, column)


def followed(
    row: int,
    column: int,
    height: int,
    width: int,
    before: FieldOfView = FIELD_OF_VIEW,
    grid: SliceGrid = GRID,
) -> FieldOfView:
    return following_field_of_view(before, placed(row, column, height, width), grid)


@FAST
@given(
    st.tuples(st.integers(20, 90), st.integers(20, 90)),
    st.sampled_from([(1.0, 1.0), (3.0, 0.8), (0.5, 2.0)]),
    st.booleans(),
    st.booleans(),
)
def test_every_candidate_shows_prompts_at_the_very_corner(shape, spacing, low, left):
    row = -0.5 if low else shape[0] - 0.5
    column = -0.5 if left else shape[1] - 0.5
    fields_of_view = candidate_fields_of_view(click(0, row, column), SliceGrid(shape, spacing))
    assert fields_of_view[0] == FieldOfView.whole(SliceGrid(shape, spacing))
    assert len(fields_of_view) == len(ZOOMS)
    assert all(field_of_view.contains(row, column) for field_of_view in fields_of_view)


@FAST
@given(st.tuples(*[st.floats(0, 99)] * 4))
def test_every_candidate_shows_all_of_a_box(box):
    prompt = Prompt(0, box=box)
    whole, *closer = candidate_fields_of_view(prompt, SliceGrid((100, 100), (1.0, 1.0)))
    extent = max(abs(box[0] - box[2]), abs(box[1] - box[3]))
    assert whole == FieldOfView(0, 0, 100, 100)
    for field_of_view in closer:
        assert all(field_of_view.contains(*corner) for corner in prompt.corners())
        assert extent <= PROMPT_SHARE * (field_of_view.rows + 1)


def test_a_given_side_is_in_millimetres():
    field_of_view = prompt_field_of_view(click(0, 50, 60), 40, SliceGrid((100, 200), (2.0, 0.5)))
    assert (field_of_view.rows, field_of_view.columns) == (20, 80)
    assert field_of_view.contains(50, 60)


def test_a_given_mask_gets_a_roomy_field_of_view():
    field_of_view = mask_field_of_view(placed(80, 90, 40, 20), GRID)
    assert field_of_view.side(GRID) == pytest.approx(40 / ROOMY, abs=1)
    assert field_of_view.contains(80, 90)
    assert field_of_view.contains(119, 109)


@pytest.mark.parametrize(("height", "side"), [(1, 200 / ZOOMS[-1]), (190, 200)])
def test_fields_of_view_of_given_masks_are_neither_too_close_nor_beyond_the_slice(height, side):
    field_of_view = mask_field_of_view(placed(0, 100, height, 1), GRID)
    assert field_of_view.side(GRID) == pytest.approx(side, abs=1)


def test_the_field_of_view_of_a_mask_does_not_depend_on_the_empty_voxels_round_it():
    tight, loose = placed(80, 90, 40, 20), PlacedMask.packed(placed(80, 90, 40, 20).full(GRID.shape))
    assert mask_field_of_view(loose, GRID) == mask_field_of_view(tight, GRID)


def best(*masks: Candidate, prompt: Prompt | None = None) -> FieldOfView:
    return best_field_of_view(list(masks), prompt or click(0, 100, 100), GRID, 256)


WIDE, CLOSE = FieldOfView(0, 0, 200, 200), FieldOfView(80, 80, 40, 40)


def test_the_most_confident_of_agreeing_fields_of_view_wins():
    sure, unsure = (
        a_mask(95, 95, 12, 12, field_of_view, iou) for field_of_view, iou in ((WIDE, 0.95), (CLOSE, 0.7))
    )
    assert best(sure, unsure) == WIDE
    unsure, sure = (
        a_mask(95, 95, 12, 12, field_of_view, iou) for field_of_view, iou in ((WIDE, 0.7), (CLOSE, 0.95))
    )
    assert best(unsure, sure) == CLOSE


def test_a_field_of_view_that_cuts_its_mask_gives_way():
    cut = a_mask(80, 80, 40, 40, CLOSE, 0.95)
    assert best(a_mask(80, 80, 40, 40, WIDE, 0.9), cut) == WIDE


def test_a_mask_at_the_rim_of_the_slice_is_not_cut():
    corner = FieldOfView(0, 0, 40, 40)
    masks = [a_mask(0, 0, 20, 20, field_of_view, iou) for field_of_view, iou in ((WIDE, 0.9), (corner, 0.95))]
    assert best(*masks, prompt=click(0, 5, 5)) == corner


def test_a_mask_of_a_few_pixels_gives_way():
    tiny = a_mask(99, 99, 3, 3, WIDE, 0.95)
    tiny.logits[:] = -5
    tiny.logits[30, 30:33] = 5  # 3 cells of 16 pixels
    assert best(tiny, a_mask(99, 99, 3, 3, CLOSE, 0.9)) == CLOSE


@pytest.mark.parametrize(
    ("other_click", "heeding"), [((150, 150, True), (95, 95, 60, 60)), ((97, 97, False), (98, 98, 10, 10))]
)
def test_a_mask_against_the_clicks_gives_way(other_click, heeding):
    prompt = Prompt(0, points=((100, 100, True), other_click))
    second = FieldOfView(1, 1, 198, 198)
    assert best(a_mask(95, 95, 12, 12, WIDE, 0.95), a_mask(*heeding, second, 0.9), prompt=prompt) == second


def test_a_field_of_view_that_sees_something_else_than_the_next_closer_one_gives_way():
    """From a click in something small a wide field of view takes its large neighbour, and is sure of it."""
    other = a_mask(100, 100, 80, 80, WIDE, 0.95)
    middle, close = (
        a_mask(96, 96, 6, 6, field_of_view, iou)
        for field_of_view, iou in ((FIELD_OF_VIEW, 0.8), (CLOSE, 0.9))
    )
    assert best(other, middle, close, prompt=click(0, 100, 100)) == CLOSE


def test_a_field_of_view_that_agrees_with_both_its_neighbours_beats_a_surer_one():
    """What changes from field of view to field of view is a guess; what stays is the object."""
    wide, middle, close = WIDE, FIELD_OF_VIEW, CLOSE
    masks = [
        a_mask(96, 96, *size, field_of_view, iou)
        for *size, field_of_view, iou in ((12, 12, wide, 0.8), (12, 12, middle, 0.8), (2, 2, close, 0.95))
    ]
    assert best(*masks) in (wide, middle)


@pytest.mark.parametrize(("image_size", "chosen"), [(64, CLOSE), (512, WIDE)])
def test_a_closer_field_of_view_is_preferred_only_where_it_shows_more_voxels(image_size, chosen):
    sure, less_sure = (
        a_mask(90, 90, 20, 20, field_of_view, iou) for field_of_view, iou in ((WIDE, 0.9), (CLOSE, 0.86))
    )
    assert best_field_of_view([sure, less_sure], click(0, 100, 100), GRID, image_size) == chosen


@pytest.mark.parametrize(
    "other", [(75, 75, 50, 50), (95, 95, 10, 10), (80, 80, 40, 20)], ids=["leaves", "small", "half"]
)
def test_a_mask_that_fills_its_box_is_preferred(other):
    fills, sure = a_mask(80, 80, 40, 40, WIDE, 0.6), a_mask(*other, CLOSE, 0.85)
    assert best_field_of_view([fills, sure], Prompt(0, box=(79.5, 79.5, 119.5, 119.5)), GRID, 64) == WIDE


@pytest.mark.parametrize("corner", [(-0.5, -0.5), (199.5, 199.5), (-0.5, 199.5)])
def test_clicks_on_the_very_rim_are_scored(corner):
    prompt = click(0, *corner)
    masks = [
        a_mask(0, 0, 200, 200, field_of_view) for field_of_view in candidate_fields_of_view(prompt, GRID)
    ]
    assert best_field_of_view(masks, prompt, GRID, 256) == WIDE


@FAST
@given(st.data())
def test_a_field_of_view_that_suits_its_mask_does_not_move(data):
    margin = int(NEAR_BORDER * 60) + 1
    height, width = data.draw(st.integers(8, 60 - 2 * margin)), data.draw(st.integers(8, 60 - 2 * margin))
    row = data.draw(st.integers(70 + margin, 130 - margin - height))
    column = data.draw(st.integers(70 + margin, 130 - margin - width))
    assert followed(row, column, height, width) == FIELD_OF_VIEW


@pytest.mark.parametrize("place", [(71, 90), (108, 90), (90, 71), (90, 108), (70, 70)])
def test_a_mask_near_a_border_is_centred(place):
    moved = followed(*place, 20, 20)
    assert (moved.rows, moved.columns) == (60, 60)
    np.testing.assert_allclose(moved.centre, (place[0] + 9.5, place[1] + 9.5), atol=1)


@pytest.mark.parametrize(
    ("field_of_view", "place"),
    [
        (FieldOfView(0, 70, 60, 60), (0, 90)),
        (FieldOfView(140, 70, 60, 60), (180, 90)),
        (FieldOfView(70, 140, 60, 60), (90, 180)),
    ],
)
def test_a_border_where_the_slice_ends_is_no_reason_to_move(field_of_view, place):
    assert followed(*place, 20, 20, field_of_view) == field_of_view


def test_a_field_of_view_near_the_slices_edge_stays_on_the_slice():
    moved = followed(70, 110, 20, 20, FieldOfView(5, 70, 66, 66))
    assert moved.inside(GRID) == moved


def test_a_filled_field_of_view_widens():
    wider = followed(72, 90, 56, 20)
    assert wider.side(GRID) == pytest.approx(56 / ROOMY, abs=1)
    np.testing.assert_allclose(wider.centre, (99.5, 99.5), atol=1)


def test_a_field_of_view_widens_to_the_whole_slice_at_most():
    field_of_view = FieldOfView(20, 20, 150, 150)
    assert followed(21, 21, 148, 148, field_of_view) == FieldOfView.whole(GRID)
    assert followed(0, 0, 200, 200, FieldOfView(0, 0, 200, 200)) == FieldOfView(0, 0, 200, 200)


def test_a_field_of_view_narrows_round_a_tiny_mask_step_by_step():
    first = followed(100, 50, 9, 9, FieldOfView(0, 0, 200, 200))
    assert (first.rows, first.columns) == (100, 100)
    assert first.contains(100, 50)
    assert first.contains(108, 58)
    assert followed(100, 50, 9, 9, first).rows == 50


def test_a_field_of_view_never_narrows_below_the_closest():
    closest = followed(100, 100, 3, 3)
    assert closest.rows == round(200 / ZOOMS[-1])
    assert followed(100, 100, 3, 3, closest) == closest


def test_an_absent_object_leaves_the_field_of_view_alone():
    assert followed(0, 0, 0, 0) == FIELD_OF_VIEW


def test_fields_of_view_are_followed_in_millimetres():
    grid = SliceGrid((100, 400), (2.0, 0.5))
    field_of_view = FieldOfView(20, 160, 30, 120)
    moved = followed(21, 170, 10, 40, field_of_view, grid)
    assert (moved.rows, moved.columns) == (30, 120)
    np.testing.assert_allclose(moved.centre, (25.5, 189.5), atol=1)
