"""Which slices carry an object to the next time point, and what is said of it there."""

import numpy as np

from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.through_time import carried_slices, film_of, prompts_after


def a_ball(slices: int = 20, radius: float = 6, middle: float = 9) -> np.ndarray:
    k, j, i = np.mgrid[:slices, :16, :16]
    return (k - middle) ** 2 + (j - 8) ** 2 + (i - 7) ** 2 < radius**2


def test_slices_in_the_middle_of_equal_shares_are_carried_and_none_at_the_ends():
    (low, middle, high) = carried_slices({"ball": a_ball()})
    assert (low.slice_index, middle.slice_index, high.slice_index) == (6, 9, 12)
    np.testing.assert_array_equal(low.mask.full((16, 16)), a_ball()[6])


def test_an_object_of_few_slices_is_carried_on_those_once_each():
    flat = np.zeros((5, 4, 4), bool)
    flat[3, 1:3, 1:3] = True
    assert [each.slice_index for each in carried_slices({"flat": flat})] == [3]
    flat[2] = flat[3]
    assert [each.slice_index for each in carried_slices({"flat": flat})] == [2, 3]


def test_a_lost_object_is_carried_on_no_slice():
    carried = carried_slices({"lost": np.zeros((5, 4, 4), bool), "ball": a_ball()})
    assert {each.name for each in carried} == {"ball"}


def test_each_slice_has_a_frame_before_and_one_after():
    before, after = np.arange(20 * 256).reshape(20, 16, 16), -np.arange(20 * 256).reshape(20, 16, 16)
    carried = carried_slices({"ball": a_ball(), "low": a_ball(middle=4)})
    film = film_of(carried, before, after)
    assert len(film) == 2 * len(carried) == 12
    assert len({each.object_id for each in carried}) == 6
    for each in carried:
        np.testing.assert_array_equal(film[each.prompt.slice_index], before[each.slice_index])
        assert each.options.first == each.options.last == each.prompt.slice_index + 1
        np.testing.assert_array_equal(film[each.options.first], after[each.slice_index])


def test_slices_that_are_found_are_prompts_and_empty_ones_are_not():
    carried = carried_slices({"ball": a_ball(), "gone": a_ball(middle=4)})
    found, nothing = (
        PlacedMask.packed(np.ones((2, 3), bool), 4, 5),
        PlacedMask.cropped(np.zeros((16, 16), bool)),
    )
    answers = [(each, found if each.slice_index > 8 else nothing) for each in carried]
    assert prompts_after(answers) == {"ball": [Prompt(9, mask=found), Prompt(12, mask=found)]}
