"""Slices that tracking is likely to reach are encoded with the one that it is at."""

import numpy as np
import pytest

from medsam2.tracking import Tracker
from medsam2.tracking.feature_cache import AT_ONCE
from medsam2.volume import ImageSet
from unit.tracking.examples import a_tracker, ball, click, collected, dice
from unit.tracking.oracle_network import OracleNetwork

SHAPE = (24, 48, 48)
BALL = ball(SHAPE, (12, 20, 22), 8)
"""On slices 4 to 20."""


def encoded_at_once(tracker: Tracker, **way) -> list[int]:
    """Of each batch of images while the object is tracked."""
    network = tracker.network
    network.encoded_at_once.clear()
    collected(tracker, tracker.propagate(**way))
    return network.encoded_at_once


@pytest.mark.parametrize("field_of_view", ["auto", "slice", 30.0])
def test_tracking_encodes_several_slices_together_and_each_once(field_of_view):
    tracker = a_tracker(BALL, field_of_view=field_of_view, absent_stop=None)
    tracker.prompt("a", click(12, 20, 22))
    before = tracker.network.encoded
    at_once = encoded_at_once(tracker, first=5, last=19)
    assert sum(at_once) == tracker.network.encoded - before == 14
    assert at_once == [AT_ONCE, 3, AT_ONCE, 3]


def test_nothing_is_encoded_beyond_the_range():
    tracker = a_tracker(BALL, field_of_view="slice")
    tracker.prompt("a", click(12, 20, 22))
    assert encoded_at_once(tracker, first=11, last=14) == [2, 1]


def test_where_the_object_is_missing_slices_are_encoded_one_by_one():
    tracker = a_tracker(BALL, field_of_view="slice", absent_stop=5)
    tracker.prompt("a", click(18, 20, 22))
    # It is on the two slices above. A batch of four knows two more, where it is missing already.
    assert encoded_at_once(tracker, direction="forward") == [AT_ONCE, 1]


def test_what_the_person_looked_at_before_is_not_encoded_again():
    tracker = a_tracker(BALL, field_of_view="slice", absent_stop=None)
    tracker.prompt("a", click(12, 20, 22))
    assert sum(encoded_at_once(tracker)) == 23
    assert encoded_at_once(tracker) == []


def test_an_object_that_moves_out_of_what_was_encoded_is_followed():
    truth = np.zeros((20, 96, 96), bool)
    for index in range(20):
        truth[index] = ball((1, 96, 96), (0, 20 + 3 * index, 48), 8)[0]
    tracker = a_tracker(truth, field_of_view=30.0, absent_stop=None)
    tracker.prompt("a", click(0, 20, 48))
    assert dice(collected(tracker, tracker.propagate()), truth) > 0.95


def test_images_of_several_sizes_are_encoded_together():
    images = [np.zeros((rows, 40), np.float32) for rows in (32, 48, 64, 40, 56)]
    for image in images:
        image[10:20, 10:20] = 1
    tracker = Tracker(OracleNetwork(), ImageSet(images), field_of_view="slice")
    tracker.prompt("a", click(0, 15, 15))
    tracker.network.encoded_at_once.clear()
    masks = list(tracker.propagate())
    # Then one by one: memories are encoded again as images of another size are seen.
    assert tracker.network.encoded_at_once[0] == AT_ONCE
    for mask, image in zip(masks, images, strict=True):
        assert dice(mask.mask.full(image.shape), image > 0) > 0.8
