from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from medsam2.errors import InputError
from medsam2.placed_mask import PlacedMask
from medsam2.slice_grid import SliceGrid
from medsam2.tracking import FieldOfView
from medsam2.tracking.field_of_view import OUTSIDE_LOGIT
from unit.tracking.examples import dice, disc

FAST = settings(max_examples=40, deadline=None)
SPACINGS = st.sampled_from([(1.0, 1.0), (0.7, 0.7), (3.0, 0.8), (0.5, 2.0)])
SHAPES = st.tuples(st.integers(8, 90), st.integers(8, 90))
FIELDS_OF_VIEW = st.builds(
    FieldOfView, st.integers(-20, 60), st.integers(-20, 60), st.integers(8, 50), st.integers(8, 50)
)
CELLS = 64


def voxels_of_cells(field_of_view: FieldOfView) -> tuple[np.ndarray, np.ndarray]:
    """Row (s, 1) and column (1, s) in voxels of the cells of a field of view's logits."""
    cells = (np.arange(CELLS) + 0.5) / CELLS
    rows = field_of_view.row - 0.5 + cells * field_of_view.rows
    columns = field_of_view.column - 0.5 + cells * field_of_view.columns
    return rows[:, None], columns[None]


def disc_logits(field_of_view: FieldOfView, centre, radius: float, spacing=(1.0, 1.0)) -> torch.Tensor:
    """Millimetres to the outline of a disc, positive inside, drawn in a field of view's own coordinates."""
    rows, columns = voxels_of_cells(field_of_view)
    distance = np.hypot((rows - centre[0]) * spacing[0], (columns - centre[1]) * spacing[1])
    return torch.from_numpy(radius - distance).float()


def on_slice(field_of_view: FieldOfView, logits: torch.Tensor, shape) -> np.ndarray:
    return field_of_view.mask_on_slice(logits, shape).full(shape)


@FAST
@given(SHAPES, FIELDS_OF_VIEW)
def test_cut_shows_the_slice_and_the_network_sees_zero_beyond(shape, field_of_view):
    image = np.random.default_rng(0).uniform(1, 2, shape).astype(np.float32)
    padded = np.pad(image, 120)[120 + field_of_view.row :, 120 + field_of_view.column :][
        : field_of_view.rows, : field_of_view.columns
    ]
    np.testing.assert_array_equal(field_of_view.cut(image).ravel(), padded[padded > 0])
    square = F.interpolate(torch.from_numpy(padded)[None, None], (64, 64), mode="bilinear", antialias=True)
    torch.testing.assert_close(field_of_view.network_image(image, 64), square, atol=1e-6, rtol=0)


@FAST
@given(SHAPES, FIELDS_OF_VIEW)
def test_a_mask_on_a_slice_is_the_enlarged_answer_cut_to_the_slice(shape, field_of_view):
    logits = torch.from_numpy(np.random.default_rng(0).normal(size=(CELLS, CELLS)).astype(np.float32))
    enlarged = (
        F.interpolate(logits[None, None], (field_of_view.rows, field_of_view.columns), mode="bilinear")[0, 0]
        > 0
    )
    padded = np.zeros((shape[0] + 240, shape[1] + 240), bool)
    first = 120 + field_of_view.row, 120 + field_of_view.column
    padded[first[0] : first[0] + field_of_view.rows, first[1] : first[1] + field_of_view.columns] = enlarged
    np.testing.assert_array_equal(
        on_slice(field_of_view, logits, shape), padded[120 : 120 + shape[0], 120 : 120 + shape[1]]
    )


class Largest(TorchDispatchMode):
    """Notes the number of elements of the largest tensor that is made."""

    count = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        made = function(*arguments, **(options or {}))
        if isinstance(made, torch.Tensor):
            self.count = max(self.count, made.numel())
        return made


@pytest.mark.parametrize("shape", [(2, 60000), (60000, 3), (1, 60000), (60000, 1)])
def test_a_long_thin_slice_takes_no_square_of_its_length(shape):
    field_of_view, image = FieldOfView.whole(SliceGrid(shape, (1.0, 1.0))), np.ones(shape, np.float32)
    with Largest() as largest:
        seen = field_of_view.network_image(image, 256)[0, 0]
        mask = on_slice(field_of_view, torch.ones(CELLS, CELLS), shape)
    assert largest.count <= 256 * 60000
    assert mask.all()
    across = seen.sum(dim=int(np.argmin(shape) == 1))
    torch.testing.assert_close(across, across[:1].expand(256))
    assert float(seen.sum()) == pytest.approx(256 * 256 * min(shape) / 60000, rel=0.1)


@pytest.mark.parametrize("spacing", [(1e-5, 1.0), (1.0, 1e-300), (1e308, 1e308), (1e308, 1e-308)])
def test_a_field_of_view_of_too_many_voxels_is_refused(spacing):
    with pytest.raises(InputError, match="crop or resample"):
        FieldOfView.whole(SliceGrid((20, 20), spacing))


@pytest.mark.parametrize("field_of_view", [FieldOfView(200, 0, 10, 10), FieldOfView(-30, -30, 10, 10)])
def test_a_field_of_view_beside_the_slice_is_black_and_its_mask_empty(field_of_view):
    assert not field_of_view.network_image(np.ones((20, 20), np.float32), 64).any()
    assert field_of_view.mask_on_slice(torch.ones(CELLS, CELLS), (20, 20)) == PlacedMask(0, 0, 0, 0, b"")


@FAST
@given(FIELDS_OF_VIEW, st.sampled_from([64, 256]))
def test_the_corners_of_the_field_of_view_are_those_of_the_image(field_of_view, size):
    first = (field_of_view.row - 0.5, field_of_view.column - 0.5)
    last = (field_of_view.row + field_of_view.rows - 0.5, field_of_view.column + field_of_view.columns - 0.5)
    np.testing.assert_allclose(
        field_of_view.to_pixels([first, last], size), [[-0.5, -0.5], [size - 0.5, size - 0.5]], atol=1e-6
    )


@pytest.mark.parametrize(
    "field_of_view", [FieldOfView(0, 0, 40, 40), FieldOfView(-7, 5, 30, 45), FieldOfView(3, -9, 100, 60)]
)
def test_pixels_are_where_the_network_sees_them(field_of_view):
    """A bright voxel's centre of gravity in the network's image is the pixel that a click on it becomes."""
    row, column = 13, 21
    image = np.zeros((48, 48), np.float32)
    image[row, column] = 1
    seen = field_of_view.network_image(image, 64)[0, 0].numpy()
    y, x = np.mgrid[:64, :64]
    found = np.array([(seen * x).sum(), (seen * y).sum()]) / seen.sum()
    np.testing.assert_allclose(found, field_of_view.to_pixels([(row, column)], 64)[0], atol=0.05)


@FAST
@given(
    st.tuples(st.floats(15, 45), st.floats(15, 45)),
    st.tuples(st.integers(-12, 20), st.integers(-12, 20)),
    SPACINGS,
)
def test_a_disc_lands_on_the_right_voxels(centre, first, spacing):
    side, radius, shape = 40 * max(spacing), 9 * min(spacing), (60, 60)
    field_of_view = FieldOfView(*first, *(max(8, round(side / step)) for step in spacing))
    mask = on_slice(field_of_view, disc_logits(field_of_view, centre, radius, spacing), shape)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    distance = np.hypot((rows - centre[0]) * spacing[0], (columns - centre[1]) * spacing[1])
    shown = np.zeros(shape, bool)
    shown[
        max(first[0], 0) : first[0] + field_of_view.rows, max(first[1], 0) : first[1] + field_of_view.columns
    ] = True
    cell = side / CELLS
    assert not (mask & ~shown).any()
    assert mask[shown & (distance < radius - cell)].all()
    assert not mask[distance > radius + cell].any()


@FAST
@given(FIELDS_OF_VIEW, st.tuples(st.integers(-1, 1), st.integers(-1, 1)))
def test_a_field_of_view_moved_by_a_voxel_moves_its_mask_by_a_voxel(field_of_view, step):
    logits = disc_logits(
        field_of_view, field_of_view.centre, 0.3 * min(field_of_view.rows, field_of_view.columns)
    )
    moved = FieldOfView(
        field_of_view.row + step[0], field_of_view.column + step[1], field_of_view.rows, field_of_view.columns
    )
    mask = FieldOfView(
        field_of_view.row + 100, field_of_view.column + 100, field_of_view.rows, field_of_view.columns
    ).mask_on_slice(logits, (300, 300))
    again = FieldOfView(
        moved.row + 100, moved.column + 100, field_of_view.rows, field_of_view.columns
    ).mask_on_slice(logits, (300, 300))
    assert again == replace(mask, row=mask.row + step[0], column=mask.column + step[1])


@FAST
@given(SPACINGS, st.tuples(st.floats(0, 59), st.floats(0, 69)))
def test_what_the_network_sees_comes_back_on_the_same_voxels(spacing, centre):
    shape = (60, 70)
    truth = disc(shape, centre, 12)
    field_of_view = FieldOfView.around(centre, 40 * max(spacing), SliceGrid(shape, spacing))
    seen = field_of_view.network_image(truth.astype(np.float32), CELLS)[0, 0]
    back = on_slice(field_of_view, 10 * (seen - 0.5), shape)
    shown = field_of_view.cut(truth).sum()
    assert shown > 0.95 * truth.sum()
    assert dice(back, truth) > 0.9


@FAST
@given(FIELDS_OF_VIEW, SHAPES)
def test_inside_moves_no_more_than_needed(field_of_view, shape):
    moved = field_of_view.inside(SliceGrid(shape, (1.0, 1.0)))
    assert (moved.rows, moved.columns) == (field_of_view.rows, field_of_view.columns)
    for first, old, size, length in zip(
        (moved.row, moved.column),
        (field_of_view.row, field_of_view.column),
        (field_of_view.rows, field_of_view.columns),
        shape,
        strict=True,
    ):
        if size > length:
            assert first <= 0
            assert first + size >= length
        else:
            assert 0 <= first <= length - size
            assert first == old or first in (0, length - size)
            assert first == old or not 0 <= old <= length - size


@FAST
@given(SHAPES, SPACINGS)
def test_the_whole_field_of_view_shows_every_voxel_and_is_square(shape, spacing):
    field_of_view = FieldOfView.whole(SliceGrid(shape, spacing))
    assert field_of_view.contains(0, 0)
    assert field_of_view.contains(shape[0] - 1, shape[1] - 1)
    assert abs(field_of_view.rows * spacing[0] - field_of_view.columns * spacing[1]) <= max(spacing)


@FAST
@given(st.tuples(st.floats(-5, 99), st.floats(-5, 99)), st.floats(30, 200), SPACINGS)
def test_a_field_of_view_lies_around_its_centre(centre, side, spacing):
    field_of_view = FieldOfView.around(centre, side, SliceGrid((100, 100), spacing))
    np.testing.assert_allclose(field_of_view.centre, centre, atol=1)
    np.testing.assert_allclose(
        (field_of_view.rows * spacing[0], field_of_view.columns * spacing[1]), side, atol=max(spacing)
    )
    assert field_of_view.contains(*centre)


@FAST
@given(FIELDS_OF_VIEW)
def test_a_field_of_view_contains_its_voxels_to_their_rims(field_of_view):
    """A voxel reaches half a voxel round its centre, so prompts on a slice start at -0.5."""
    assert field_of_view.contains(field_of_view.row - 0.5, field_of_view.column - 0.5)
    assert field_of_view.contains(
        field_of_view.row + field_of_view.rows - 0.5, field_of_view.column + field_of_view.columns - 0.5
    )
    assert not field_of_view.contains(field_of_view.row - 0.6, field_of_view.column)
    assert not field_of_view.contains(field_of_view.row, field_of_view.column + field_of_view.columns - 0.4)


def test_logits_stay_in_place_between_overlapping_fields_of_view():
    one, other = FieldOfView(10, 20, 40, 40), FieldOfView(25, 12, 60, 30)
    found = other.logits_from(disc_logits(one, (32, 34), 8)[None, None], one)[0, 0]
    rows, columns = voxels_of_cells(other)
    shown = (rows > 11) & (rows < 48.5) & (columns > 21) & (columns < 58.5)
    expected = disc_logits(other, (32, 34), 8)
    torch.testing.assert_close(found[shown], expected[shown], atol=0.2, rtol=0)
    beyond = (rows < 9) | (rows > 50) | (columns < 19) | (columns > 60)
    assert (found[beyond] == OUTSIDE_LOGIT).all()


def test_logits_of_the_same_field_of_view_are_unchanged():
    field_of_view, logits = FieldOfView(3, 4, 20, 30), torch.randn(1, 1, CELLS, CELLS)
    assert field_of_view.logits_from(logits, FieldOfView(3, 4, 20, 30)) is logits


def test_fields_of_view_apart_share_nothing():
    found = FieldOfView(0, 0, 10, 10).logits_from(torch.ones(1, 1, CELLS, CELLS), FieldOfView(50, 50, 10, 10))
    assert (found == OUTSIDE_LOGIT).all()


@pytest.mark.parametrize("rows", [40, 41])
@pytest.mark.parametrize("middle", [229.0, 230.0])
@pytest.mark.parametrize("lost", [-0.01, -1e-5, 1e-5, 0.01])
def test_digits_that_a_coordinate_lost_do_not_move_the_field_of_view(rows, middle, lost):
    grid = SliceGrid((512, 512), (0.7, 0.7))
    there = FieldOfView.around((middle, middle), 0.7 * rows, grid)
    assert FieldOfView.around((middle + lost, middle - lost), 0.7 * rows, grid) == there
