"""Where the object of a template lies in another image."""

import pytest
import torch

from medsam2.tracking.likely_place import Shift, likely_shift

CELLS = 16
OBJECT = torch.zeros(CELLS, CELLS)
OBJECT[2:4, 3:6] = 1


def features(seed: int, shift: Shift | None = None) -> torch.Tensor:
    """Those of a dull image, and, moved, of what is in the template's object and round it."""
    every = torch.Generator().manual_seed(seed)
    dull = torch.randn(8, 1, 1, generator=every) + 0.1 * torch.randn(8, CELLS, CELLS, generator=every)
    if shift is not None:
        part = torch.randn(8, 6, 7, generator=torch.Generator().manual_seed(0))
        dull[:, shift.down : 6 + shift.down, 1 + shift.right : 8 + shift.right] = part
    return dull


@pytest.mark.parametrize("shift", [Shift(9, 7), Shift(0, 8), Shift(10, -1), Shift(1, 0)])
def test_an_object_is_looked_for_where_the_image_is_like_it(shift):
    assert likely_shift(features(1, Shift(0, 0)), features(2, shift), OBJECT) == shift
    # And from there back into the template.
    assert likely_shift(features(2, shift), features(1, Shift(0, 0)), shift.moved(OBJECT)) == shift.back


def test_an_object_that_is_nowhere_or_has_not_moved_is_not_looked_for_elsewhere():
    template = features(1, Shift(0, 0))
    assert likely_shift(template, features(2, Shift(0, 0)), OBJECT) is None
    for foreign in range(3, 23):
        assert likely_shift(template, features(foreign), OBJECT) is None
    assert likely_shift(template, torch.ones(8, CELLS, CELLS), OBJECT) is None


def test_what_comes_in_from_beyond_the_border_repeats_it():
    cells = torch.arange(12.0).reshape(1, 3, 4)
    moved = Shift(1, -2).moved(cells)
    assert moved.tolist() == [[[2, 3, 3, 3], [2, 3, 3, 3], [6, 7, 7, 7]]]
    assert torch.equal(Shift(0, 0).moved(cells), cells)
