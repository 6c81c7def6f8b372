"""Which axes can be tracked along."""

import pytest

from medsam2.orientations import CoarseAxis, other_axes


def test_of_equal_voxels_all_axes_can():
    assert other_axes((30, 40, 50), (1, 1, 1), "j") == (["k", "i"], [])


def test_thick_slices_are_too_coarse_across_and_the_axis_of_the_prompts_counts_always():
    coarse = [CoarseAxis("j", (30, 50), (5.0, 1.0)), CoarseAxis("i", (30, 40), (5.0, 1.0))]
    assert other_axes((30, 40, 50), (5, 1, 1), "k") == ([], coarse)
    assert other_axes((30, 40, 50), (5, 1, 1), "j") == (["k"], coarse[1:])


@pytest.mark.parametrize(("spacing", "usable"), [(3.0, ["j", "i"]), (3.1, [])])
def test_up_to_three_times_as_long_as_wide(spacing, usable):
    assert other_axes((30, 40, 50), (spacing, 1, 1), "k")[0] == usable


def test_a_single_slice_and_few_rows_show_nothing_across():
    assert other_axes((1, 40, 50), (1, 1, 1), "k")[0] == []
    assert other_axes((7, 40, 50), (1, 1, 1), "k")[0] == []
    assert other_axes((8, 40, 50), (1, 1, 1), "k")[0] == ["j", "i"]
