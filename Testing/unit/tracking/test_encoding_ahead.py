"""Slices that tracking is likely to reach are encoded with the one that it is at."""

import numpy as np
import pytest

from medsam2.tracking import Tracker
from medsam2.tracking.feature_cache import AT_ONCE
from medsam2.volume import ImageSet
from unit.tracking.examples import a_tracker, ball, click, collected, dice
from unit.tracking.oracle_network import OracleNetwork

SHAPE = (40, 48, 48)
BALL = ball(SHAPE, (12, 20, 22), 8)
"""On slices 4 to 20."""


def encoded_at_once(tracker: Tracker, **way) -> list[int]:
    """Images in each batch while all objects are tracked."""
    network = tracker.network
    network.encoded_at_once.clear()
    list(tracker.propagate(**way))
    return network.encoded_at_once


def wandering(step: int, count: int = 20) -> np.ndarray:
    """A disc that moves by some rows from slice to slice."""
    return np.stack([ball((1, 96, 96), (0, 20 + step * index, 48), 8)[0] for index in range(count)])


@pytest.mark.parametrize("field_of_view", ["auto", "slice", 30.0])
def test_tracking_encodes_several_slices_together_and_each_once(field_of_view):
    tracker = a_tracker(BALL, field_of_view=field_of_view, absent_stop=None)
    tracker.prompt("a", click(12, 20, 22))
    assert encoded_at_once(tracker, first=5, last=19) == [2, AT_ONCE, 1, AT_ONCE, 3]


def test_nothing_is_encoded_beyond_the_range():
    tracker = a_tracker(BALL, field_of_view="slice")
    tracker.prompt("a", click(12, 20, 22))
    assert encoded_at_once(tracker, first=11, last=14) == [2, 1]


def test_slices_on_the_way_to_a_range_are_encoded_with_those_in_it():
    tracker = a_tracker(BALL, field_of_view="slice")
    tracker.prompt("a", click(12, 20, 22))
    assert encoded_at_once(tracker, first=15, last=19) == [2, AT_ONCE, 1]


def test_where_the_object_is_missing_slices_are_encoded_one_by_one():
    tracker = a_tracker(BALL, field_of_view="slice", absent_stop=5)
    tracker.prompt("a", click(16, 20, 22))
    # It is found up to slice 19, which takes three along; two more are looked at in vain.
    assert encoded_at_once(tracker, direction="forward") == [2, AT_ONCE, 1, 1]


def test_an_object_that_is_gone_does_not_keep_another_from_it():
    tracker = a_tracker(BALL | ball(SHAPE, (20, 40, 8), 12), field_of_view="slice", absent_stop=None)
    tracker.prompt("a", click(12, 20, 22))
    tracker.prompt("b", click(12, 40, 8))
    assert encoded_at_once(tracker, direction="forward", last=26) == [2, AT_ONCE, AT_ONCE, AT_ONCE]


def test_what_was_encoded_before_is_not_encoded_again():
    tracker = a_tracker(BALL, field_of_view="slice", absent_stop=None)
    tracker.prompt("a", click(12, 20, 22))
    assert sum(encoded_at_once(tracker)) == SHAPE[0] - 1
    assert encoded_at_once(tracker) == []


@pytest.mark.parametrize("step", [1, 2, 3])
def test_an_object_that_moves_costs_few_images_more_and_is_followed(step, monkeypatch):
    truth = wandering(step)

    def encoded() -> int:
        tracker = a_tracker(truth, field_of_view=30.0, absent_stop=None)
        tracker.prompt("a", click(0, 20, 48))
        before = tracker.network.encoded
        assert dice(collected(tracker, tracker.propagate()), truth) > 0.95
        return tracker.network.encoded - before

    together = encoded()
    monkeypatch.setattr("medsam2.tracking.feature_cache.AT_ONCE", 1)
    assert together <= 1.15 * encoded()


@pytest.mark.parametrize("images", [8, 16, 24, 39])
def test_objects_with_views_of_their_own_do_not_push_out_what_others_need(images, monkeypatch):
    shape = (24, 96, 96)
    places = [(12 + 18 * row, 12 + 18 * column) for row in range(2) for column in range(5)]
    truth = np.any([ball(shape, (12, *place), 6) for place in places], axis=0)
    image_bytes = 4 * (16**2 + 32**2 + 64**2)

    def encoded() -> int:
        budget = images * image_bytes
        tracker = a_tracker(truth, field_of_view=20.0, absent_stop=None, cache_bytes=budget, on_disk=False)
        for place in places:
            tracker.prompt(str(place), click(12, *place))
        before = tracker.network.encoded
        list(tracker.propagate())
        return tracker.network.encoded - before

    together = encoded()
    monkeypatch.setattr("medsam2.tracking.feature_cache.AT_ONCE", 1)
    assert together <= 1.1 * encoded()


def test_objects_with_views_of_their_own_are_encoded_together():
    tracker = a_tracker(BALL | ball(SHAPE, (12, 40, 8), 8), field_of_view=30.0, absent_stop=None)
    tracker.prompt("a", click(12, 20, 22))
    tracker.prompt("b", click(12, 40, 8))
    assert encoded_at_once(tracker, first=12, last=16) == [4, 4]


def test_a_first_click_encodes_what_it_looks_at_together():
    tracker = a_tracker(BALL)
    tracker.prompt("a", click(12, 20, 22))
    assert max(tracker.network.encoded_at_once) == AT_ONCE


def test_images_of_a_set_are_encoded_each_by_itself():
    images = [np.zeros((40, 40), np.float32) for _ in range(5)]
    for image in images:
        image[10:20, 10:20] = 1
    tracker = Tracker(OracleNetwork(), ImageSet(images), field_of_view="slice")
    tracker.prompt("a", click(0, 15, 15))
    assert set(encoded_at_once(tracker)) == {1}
