"""Background clicks alone on a slice correct what tracking brings there; it does not start from them."""

import numpy as np
import pytest

from medsam2.errors import InputError
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.tracking import SelfSortingMemory, TemporalMemory
from unit.tracking.examples import a_tracker, ball, click, collected, dice

SHAPE = (24, 48, 48)
BALL = ball(SHAPE, (12, 20, 22), 8)
SMALL = ball(SHAPE, (12, 40, 8), 5)
"""On slices 7 to 17, apart from the other."""


def background(index: int, row: float, column: float) -> Prompt:
    return click(index, row, column, positive=False)


def segmented(prompts: list[Prompt], truth=BALL | SMALL, **options) -> np.ndarray:
    tracker = a_tracker(truth, **options)
    for prompt in prompts:
        tracker.prompt("a", prompt)
    return collected(tracker, tracker.propagate())


@pytest.mark.parametrize("memory", [TemporalMemory(), SelfSortingMemory()])
@pytest.mark.parametrize("beside", [(11, 4, 4), (13, 20, 44), (10, 44, 44), (14, 40, 8)])
def test_a_click_beside_the_object_on_another_slice_changes_nothing(memory, beside):
    alone = segmented([click(12, 20, 22)], memory=memory)
    assert dice(alone, BALL) > 0.95
    for prompts in ([click(12, 20, 22), background(*beside)], [background(*beside), click(12, 20, 22)]):
        np.testing.assert_array_equal(segmented(prompts, memory=memory), alone)


def test_many_clicks_beside_the_object_change_nothing_either():
    places = [(index, row, column) for index in (3, 9, 11, 13, 16, 22) for row, column in ((2, 2), (44, 40))]
    alone = segmented([click(12, 20, 22)])
    np.testing.assert_array_equal(
        segmented([*(background(*place) for place in places), click(12, 20, 22)]), alone
    )


@pytest.mark.parametrize("is_first", [True, False])
def test_a_click_in_the_middle_of_what_tracking_brings_ends_the_object_there(is_first):
    prompts = [click(8, 20, 22), background(12, 20, 22)]
    kept = BALL.copy()
    kept[12:] = False
    found = segmented(prompts[::-1] if is_first else prompts)
    assert dice(found, kept) > 0.95
    assert not found[12:].any()


def test_a_click_on_a_part_takes_it_away_from_its_slice_on():
    both = Prompt(8, points=((20, 22, True), (40, 8, True)))
    found = segmented([both, background(12, 40, 8)], field_of_view="slice")
    kept = BALL | SMALL
    kept[12:] = BALL[12:]
    assert dice(found, kept) > 0.95
    assert not (found & SMALL)[12:].any()


def test_tracking_again_gives_the_same_masks():
    for prompts in ([click(8, 20, 22), background(12, 20, 22)], [click(8, 20, 22), background(9, 2, 2)]):
        tracker = a_tracker(BALL | SMALL)
        for prompt in prompts:
            tracker.prompt("a", prompt)
        first = collected(tracker, tracker.propagate())
        np.testing.assert_array_equal(collected(tracker, tracker.propagate()), first)


def test_a_click_beside_a_tracked_mask_leaves_it_as_it_is():
    tracker = a_tracker(BALL | SMALL)
    tracker.prompt("a", click(12, 20, 22))
    before = collected(tracker, tracker.propagate())
    answer = tracker.prompt("a", background(14, 4, 4))
    np.testing.assert_array_equal(answer.mask.full(SHAPE[1:]), before[14])
    np.testing.assert_array_equal(collected(tracker, tracker.propagate(start=14)), before)


def test_a_click_beside_a_painted_mask_leaves_it_as_it_is():
    tracker = a_tracker(BALL | SMALL)
    tracker.prompt("a", Prompt(12, mask=PlacedMask.packed(BALL[12])))
    answer = tracker.prompt("a", background(12, 4, 4))
    np.testing.assert_array_equal(answer.mask.full(SHAPE[1:]), BALL[12])
    np.testing.assert_array_equal(collected(tracker, tracker.propagate())[12], BALL[12])


def test_a_click_on_a_slice_that_was_not_tracked_yet_is_answered_with_nothing_yet():
    tracker = a_tracker(BALL)
    assert tracker.prompt("a", background(10, 4, 4)).mask.is_empty
    tracker.prompt("a", click(12, 20, 22))
    answer = tracker.prompt("a", background(14, 20, 22))
    assert answer.mask.is_empty
    assert (answer.iou, answer.object_score, answer.slice_index) == (0, 0, 14)


def test_a_positive_click_on_the_same_slice_joins_those_that_wait():
    tracker = a_tracker(BALL | SMALL)
    tracker.prompt("a", background(12, 40, 8))
    answer = tracker.prompt("a", Prompt(12, points=((20, 22, True),), box=(5, 5, 45, 45)))
    assert len(tracker.objects["a"].prompts[12].points) == 2
    assert not (answer.mask.full(SHAPE[1:]) & SMALL[12]).any()


def test_background_alone_is_not_tracked():
    tracker = a_tracker(BALL)
    tracker.prompt("a", background(12, 4, 4))
    with pytest.raises(InputError, match="'a' has background points only"):
        next(tracker.propagate())


def test_a_forgotten_slice_forgets_the_click_that_waits_there():
    tracker = a_tracker(BALL)
    tracker.prompt("a", click(8, 20, 22))
    tracker.prompt("a", background(12, 20, 22))
    tracker.forget("a", 12)
    assert dice(collected(tracker, tracker.propagate()), BALL) > 0.95


def test_a_click_goes_on_waiting_on_a_slice_that_is_emptied_meanwhile():
    tracker = a_tracker(BALL | SMALL)
    tracker.prompt("a", click(8, 20, 22))
    list(tracker.propagate())
    tracker.prompt("a", background(14, 4, 4))
    tracker.prompt("a", background(12, 20, 22))
    list(tracker.propagate(start=12))
    assert 14 in tracker.objects["a"].background
