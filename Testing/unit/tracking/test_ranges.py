"""What tracking within a range of slices gives: the part of the whole that lies in the range."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsam2.prompt import Prompt
from unit.tracking.examples import a_tracker, ball, click

SHAPE = (16, 24, 24)
BALL = ball(SHAPE, (8, 12, 12), 7)
CLICKS = st.lists(st.tuples(st.integers(2, 14), st.booleans(), st.booleans()), max_size=3)
"""Slice, whether on the object, and whether in its middle."""
INDICES = st.integers(0, SHAPE[0] - 1)


def tracked(prompts: list[Prompt], **options) -> dict[int, np.ndarray]:
    tracker = a_tracker(BALL, field_of_view="slice")
    for prompt in prompts:
        tracker.prompt("a", prompt)
    return {mask.slice_index: mask.mask.full(SHAPE[1:]) for mask in tracker.propagate(**options)}


@settings(max_examples=60, deadline=None)
@given(CLICKS, st.tuples(INDICES, INDICES), st.sampled_from(["both", "forward", "backward"]))
def test_a_range_gives_what_the_whole_gives_there(clicks, limits, direction):
    places = [(index, (12 if inside else 1), positive) for index, positive, inside in clicks]
    prompts = [click(8, 12, 12), *(click(index, row, 12, positive) for index, row, positive in places)]
    first, last = sorted(limits)
    whole = tracked(prompts, direction=direction)
    expected = {index: mask for index, mask in whole.items() if first <= index <= last and mask.any()}
    part = tracked(prompts, direction=direction, first=first, last=last)
    assert all(first <= index <= last for index in part)
    found = {index: mask for index, mask in part.items() if mask.any()}
    assert set(found) == set(expected)
    for index, mask in found.items():
        np.testing.assert_array_equal(mask, expected[index])


@pytest.mark.parametrize(
    ("options", "whole"),
    [({"first": 4}, {}), ({"last": 1, "direction": "backward"}, {"direction": "backward"})],
)
def test_the_real_network_sees_the_same_on_its_way_to_a_range(network, options, whole):
    def logits(**how) -> dict[int, np.ndarray]:
        tracker = a_tracker(BALL[4:11], network=network, field_of_view="slice", absent_stop=None)
        tracker.prompt("a", click(3, 12, 12))
        return {mask.slice_index: mask.logits for mask in tracker.propagate(**how)}

    part, everything = logits(**options), logits(**whole)
    assert part
    for index, answer in part.items():
        if index != 3:
            np.testing.assert_array_equal(answer, everything[index])


def test_slices_on_the_way_are_tracked_once():
    tracker = a_tracker(BALL, field_of_view="slice")
    tracker.prompt("a", click(4, 12, 12))
    assert [mask.slice_index for mask in tracker.propagate(first=8, last=9)] == [8, 9]
    decoded = len(tracker.network.batches)
    assert [mask.slice_index for mask in tracker.propagate(first=10, last=11)] == [10, 11]
    assert len(tracker.network.batches) == decoded + 2


def test_the_way_is_tracked_anew_after_a_correction_at_the_start():
    tracker = a_tracker(BALL | ball(SHAPE, (8, 3, 3), 2), field_of_view="slice")
    tracker.prompt("a", click(7, 12, 12))
    list(tracker.propagate())
    tracker.prompt("a", Prompt(7, points=((12, 12, False), (3, 3, True))))
    (mask,) = tracker.propagate(start=7, first=9, last=9)
    assert not (mask.mask.full(SHAPE[1:]) & BALL[9]).any()


def test_slices_on_the_way_can_be_asked_for():
    tracker = a_tracker(BALL)
    tracker.prompt("a", click(8, 12, 12))
    masks = tracker.propagate(first=11, last=12, whole_way=True)
    assert [mask.slice_index for mask in masks] == [9, 10, 11, 12]
