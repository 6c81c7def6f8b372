"""The tracker's logic, with a network that is never wrong: what is missing is the tracker's doing."""

import tracemalloc

import numpy as np
import pytest
import torch

from medsam2.errors import InputError
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.tracking import SelfSortingMemory, TemporalMemory, Tracker
from medsam2.volume import Geometry, Volume, VolumeSlices
from unit.tracking.examples import WINDOW, a_tracker, ball, click, collected, dice, disc
from unit.tracking.oracle_network import OracleNetwork

SHAPE = (24, 48, 48)
BALL = ball(SHAPE, (12, 20, 22), 8)
"""On slices 4 to 20."""
SMALL = ball(SHAPE, (12, 40, 8), 5)
"""On slices 7 to 17."""


def indices(masks, object_id: str = "a") -> list[int]:
    return [mask.slice_index for mask in masks if mask.object_id == object_id]


def on_slice(mask) -> np.ndarray:
    return mask.mask.full(SHAPE[1:])


@pytest.mark.parametrize("field_of_view", ["auto", "slice", 30.0])
@pytest.mark.parametrize("memory", [TemporalMemory(), SelfSortingMemory()])
def test_a_click_becomes_a_mask_through_the_volume(field_of_view, memory):
    tracker = a_tracker(BALL | SMALL, field_of_view=field_of_view, memory=memory)
    answer = tracker.prompt("a", click(12, 20, 22))
    assert dice(on_slice(answer), BALL[12]) > 0.95
    assert dice(collected(tracker, tracker.propagate()), BALL) > 0.95


def test_a_box_and_a_mask_become_masks_through_the_volume():
    for prompt in (Prompt(12, box=(11, 13, 29, 31)), Prompt(12, mask=PlacedMask.packed(BALL[12]))):
        tracker = a_tracker(BALL | SMALL)
        tracker.prompt("a", prompt)
        assert dice(collected(tracker, tracker.propagate()), BALL) > 0.95


def test_a_given_mask_comes_back_unchanged():
    given = np.random.default_rng(0).random(SHAPE[1:]) < 0.3
    tracker = a_tracker(BALL)
    answers = [tracker.prompt("a", Prompt(12, mask=PlacedMask.packed(given))), next(tracker.propagate())]
    for answer in answers:
        np.testing.assert_array_equal(on_slice(answer), given)


def test_every_slice_is_yielded_once_upward_then_downward():
    tracker = a_tracker(BALL, absent_stop=None)
    tracker.prompt("a", click(12, 20, 22))
    assert indices(tracker.propagate()) == [*range(12, 24), *range(11, -1, -1)]


def test_every_slice_is_yielded_once_for_objects_that_start_apart():
    tracker = a_tracker(BALL | SMALL, absent_stop=None)
    tracker.prompt("a", click(12, 20, 22))
    tracker.prompt("b", click(9, 40, 8))
    masks = list(tracker.propagate())
    assert indices(masks, "a") == [*range(12, 24), *range(11, -1, -1)]
    assert indices(masks, "b") == [*range(9, 24), *range(8, -1, -1)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"direction": "forward", "last": 14}, [12, 13, 14]),
        ({"direction": "backward", "first": 10}, [12, 11, 10]),
        ({"first": 10, "last": 14}, [12, 13, 14, 11, 10]),
        ({"first": 14, "last": 15}, [14, 15]),
        ({"first": 9, "last": 10}, [10, 9]),
        ({"start": 10, "first": 8, "last": 13}, [12, 13, 11, 10, 9, 8]),
        ({"start": 12, "first": 10, "last": 14}, [12, 13, 14, 11, 10]),
        ({"start": 10, "direction": "backward", "first": 9, "last": 99}, [10, 9]),
        ({"last": 99, "direction": "forward", "start": 22}, [22, 23]),
    ],
)
def test_ranges(options, expected):
    tracker = a_tracker(BALL, absent_stop=None)
    tracker.prompt("a", click(12, 20, 22))
    assert indices(tracker.propagate(**options)) == expected


def test_tracking_stops_where_the_object_has_been_absent():
    truth = np.zeros(SHAPE, bool)
    truth[5:18] = disc(SHAPE[1:], (20, 22), 8)
    tracker = a_tracker(truth, absent_stop=2)
    tracker.prompt("a", click(12, 20, 22))
    masks = list(tracker.propagate())
    assert indices(masks) == [*range(12, 20), *range(11, 2, -1)]
    assert [mask.slice_index for mask in masks if mask.mask.is_empty] == [18, 19, 4, 3]


def test_tracking_goes_on_at_a_prompted_slice_beyond_a_gap():
    truth = ball(SHAPE, (3, 20, 20), 3) | ball(SHAPE, (17, 20, 20), 3)
    tracker = a_tracker(truth, absent_stop=2)
    for index in (3, 17):
        tracker.prompt("a", click(index, 20, 20))
    masks = list(tracker.propagate(direction="forward"))
    assert indices(masks) == [*range(3, 9), *range(17, 23)]
    assert dice(collected(tracker, masks)[17:21], truth[17:21]) > 0.9


def test_masks_that_no_longer_hold_are_yielded_empty():
    long = np.broadcast_to(disc(SHAPE[1:], (12, 12), 6), SHAPE)
    short = np.zeros(SHAPE, bool)
    short[:4] = disc(SHAPE[1:], (34, 34), 6)
    tracker = a_tracker(long | short, absent_stop=2)
    tracker.prompt("a", click(0, 12, 12))
    before = list(tracker.propagate())
    assert dice(collected(tracker, before), long) > 0.95
    tracker.prompt("a", Prompt(0, points=((12, 12, False), (34, 34, True))))
    after = list(tracker.propagate())
    assert indices(after) == list(range(24))
    assert dice(collected(tracker, [*before, *after]), short) > 0.95
    assert indices(tracker.propagate()) == list(range(6)), "what was erased is forgotten"


def test_prompted_slices_outlive_a_stop():
    truth = np.broadcast_to(disc(SHAPE[1:], (12, 12), 6), SHAPE).copy()
    tracker = a_tracker(truth, absent_stop=2)
    tracker.prompt("a", click(0, 12, 12))
    given = disc(SHAPE[1:], (30, 30), 5)
    tracker.prompt("a", Prompt(15, mask=PlacedMask.packed(given)))
    list(tracker.propagate())
    tracker.prompt("a", click(0, 12, 12, positive=False))
    np.testing.assert_array_equal(collected(tracker, tracker.propagate())[15], given)


def test_between_two_prompts_the_nearer_leads():
    tracker = a_tracker(BALL, absent_stop=None)
    for index in (6, 15):
        tracker.prompt("a", click(index, 20, 22))
    up, down = [*range(6, 11), *range(15, 24)], [14, 13, 12, 11, *range(5, -1, -1)]
    assert indices(tracker.propagate()) == up + down
    from_15 = [*range(15, 24), *range(14, 10, -1), *range(5, -1, -1), *range(6, 11)]
    assert indices(tracker.propagate(start=15)) == from_15
    assert indices(tracker.propagate(direction="forward")) == list(range(6, 24))
    assert indices(tracker.propagate(direction="backward")) == list(range(15, -1, -1))
    assert dice(collected(tracker, tracker.propagate()), BALL) > 0.95


def test_beyond_a_slice_that_a_person_emptied_there_is_nothing():
    tracker = a_tracker(BALL)
    tracker.prompt("a", click(8, 20, 22))
    before = list(tracker.propagate())
    tracker.prompt("a", click(12, 20, 22, positive=False))
    after = list(tracker.propagate(start=12))
    kept = BALL.copy()
    kept[12:] = False
    assert dice(collected(tracker, [*before, *after]), kept) > 0.95
    tracker.prompt("a", click(18, 20, 22))
    kept[13:] = BALL[13:]
    assert dice(collected(tracker, tracker.propagate()), kept) > 0.95


@pytest.mark.parametrize("memory", [TemporalMemory(), SelfSortingMemory()])
def test_a_slice_that_a_person_emptied_is_no_memory(memory):
    tracker = a_tracker(BALL, memory=memory)
    tracker.prompt("a", click(8, 20, 22))
    list(tracker.propagate())
    tracker.prompt("a", click(16, 20, 22, positive=False))
    bank = tracker.objects["a"].bank
    key = tracker.objects["a"].entries[8].key
    seen = [entry.slice_index for entry in bank.select(15, True, len(BALL), key).entries]
    assert seen
    assert 16 not in seen
    tracker.prompt("a", click(16, 20, 22))
    assert 16 in [entry.slice_index for entry in bank.select(15, True, len(BALL), key).entries]


def test_a_negative_click_in_the_middle_of_a_tracked_mask_removes_it(monkeypatch):
    """Whatever the network makes of the click; a click elsewhere is left to the network."""
    tracker = a_tracker(BALL)
    tracker.prompt("a", click(8, 20, 22))
    list(tracker.propagate())
    monkeypatch.setattr(tracker.network, "_clicked", lambda regions, chosen, points, labels: chosen)
    near_rim = int(np.flatnonzero(BALL[13].any(axis=1))[0]) + 1
    assert not tracker.prompt("a", click(13, near_rim, 22, positive=False)).mask.is_empty
    assert tracker.prompt("a", click(12, 20, 22, positive=False)).mask.is_empty


def test_what_one_direction_does_not_reach_stays():
    tracker = a_tracker(BALL)
    tracker.prompt("a", click(12, 20, 22))
    list(tracker.propagate())
    assert min(indices(tracker.propagate(direction="forward"))) == 12


def test_points_on_one_slice_add_up():
    tracker = a_tracker(BALL | SMALL)
    first = on_slice(tracker.prompt("a", click(12, 20, 22)))
    second = on_slice(tracker.prompt("a", click(12, 40, 8)))
    third = on_slice(tracker.prompt("a", click(12, 20, 22, positive=False)))
    assert dice(first, BALL[12]) > 0.95
    assert dice(second, (BALL | SMALL)[12]) > 0.95
    assert dice(third, SMALL[12]) > 0.9
    assert len(tracker.objects["a"].prompts[12].points) == 3


def test_a_correction_adds_to_a_tracked_mask_and_is_carried_on():
    tracker = a_tracker(BALL | SMALL, field_of_view="slice")
    tracker.prompt("a", click(8, 20, 22))
    list(tracker.propagate())
    corrected = tracker.prompt("a", click(12, 40, 8))
    assert dice(on_slice(corrected), (BALL | SMALL)[12]) > 0.9
    mask = collected(tracker, tracker.propagate(start=12, direction="forward"))
    assert dice(mask[12:18], (BALL | SMALL)[12:18]) > 0.9


def test_a_correction_takes_away_from_a_tracked_mask():
    tracker = a_tracker(BALL | SMALL)
    tracker.prompt("a", Prompt(8, points=((20, 22, True), (40, 8, True))))
    list(tracker.propagate())
    corrected = tracker.prompt("a", click(12, 40, 8, positive=False))
    assert dice(on_slice(corrected), BALL[12]) > 0.9


@pytest.mark.parametrize("memory", [TemporalMemory(), SelfSortingMemory()])
@pytest.mark.parametrize("start", [15, 14])
def test_what_was_tracked_before_a_correction_is_not_looked_at_again(memory, start, monkeypatch):
    tracker = a_tracker(BALL | SMALL, memory=memory)
    tracker.prompt("a", click(12, 20, 22))
    list(tracker.propagate())
    tracker.prompt("a", click(15, 20, 22))
    bank, seen = tracker.objects["a"].bank, []
    select = bank.select
    monkeypatch.setattr(bank, "select", lambda *which: seen.append(select(*which)) or seen[-1])
    list(tracker.propagate(start=start, direction="forward"))
    first = {each.slice_index for each in seen[0].entries}
    if start == 15:
        assert first == {12, 15}
    else:  # no prompt there: tracking just goes on
        assert {12, 13, 15} <= first


def test_objects_are_batched_and_equal_each_alone():
    together = a_tracker(BALL | SMALL, field_of_view="slice")
    expected = {}
    for name, place in {"a": (20, 22), "b": (40, 8)}.items():
        together.prompt(name, click(12, *place))
        alone = a_tracker(BALL | SMALL, field_of_view="slice")
        alone.prompt(name, click(12, *place))
        expected[name] = collected(alone, alone.propagate(), name)
    masks = list(together.propagate())
    assert max(together.network.batches) == 2
    for name, mask in expected.items():
        np.testing.assert_array_equal(collected(together, masks, name), mask)


@pytest.mark.parametrize("memory", [TemporalMemory(), SelfSortingMemory()])
def test_objects_in_one_batch_do_not_disturb_each_other_in_the_real_network(network, memory):
    def logits(names: str) -> dict[tuple[str, int], torch.Tensor]:
        options = {"field_of_view": "slice", "memory": memory, "absent_stop": None, "connected": False}
        tracker = a_tracker((BALL | SMALL)[10:13], network=network, **options)
        for name in names:
            tracker.prompt(name, click(0, *{"a": (20, 22), "b": (40, 8)}[name]))
        masks = tracker.propagate()
        return {(mask.object_id, mask.slice_index): torch.from_numpy(mask.logits) for mask in masks}

    alone = {**logits("a"), **logits("b")}
    together = logits("ab")
    assert together.keys() == alone.keys()
    for place, answer in together.items():
        torch.testing.assert_close(answer, alone[place], atol=1e-3, rtol=1e-3)


def test_axes_agree_on_a_symmetric_volume():
    truth = ball((40, 40, 40), (19.5, 19.5, 19.5), 11)
    masks = {}
    for axis in "kji":
        tracker = a_tracker(truth, axis)
        tracker.prompt("a", click(19, 19, 19))
        masks[axis] = collected(tracker, tracker.propagate())
        assert dice(masks[axis], truth) > 0.95
    np.testing.assert_array_equal(masks["j"], masks["k"].transpose(1, 0, 2))
    np.testing.assert_array_equal(masks["i"], masks["k"].transpose(1, 2, 0))


def test_a_forgotten_slice_no_longer_counts():
    tracker = a_tracker(BALL | SMALL)
    tracker.prompt("a", click(12, 20, 22))
    tracker.prompt("a", click(10, 40, 8))
    tracker.forget("a", 10)
    tracker.forget("a", 3)
    remembered = tracker.objects["a"].bank.select(11, False, 24, torch.ones(1)).entries
    assert [each.slice_index for each in remembered] == [12]
    assert dice(collected(tracker, tracker.propagate()), BALL) > 0.95


def test_a_forgotten_object_is_gone():
    tracker = a_tracker(BALL | SMALL)
    tracker.prompt("a", click(12, 20, 22))
    tracker.prompt("b", click(12, 40, 8))
    tracker.forget("a")
    tracker.forget("never seen")
    assert {mask.object_id for mask in tracker.propagate()} == {"b"}
    with pytest.raises(InputError, match="'a' has no prompt yet"):
        next(tracker.propagate(["a"]))


def test_only_the_objects_asked_for_are_tracked():
    tracker = a_tracker(BALL | SMALL)
    tracker.prompt("a", click(12, 20, 22))
    tracker.prompt("b", click(12, 40, 8))
    assert {mask.object_id for mask in tracker.propagate(["b"])} == {"b"}


@pytest.mark.parametrize("field_of_view", ["whole", 0, -3.0, float("nan")])
def test_unknown_fields_of_view_are_refused(field_of_view):
    with pytest.raises(InputError, match="view"):
        a_tracker(BALL, field_of_view=field_of_view)
    with pytest.raises(InputError, match="view"):
        a_tracker(BALL).prompt("a", click(12, 20, 22), field_of_view=field_of_view)


def test_what_cannot_be_tracked_is_refused():
    tracker = a_tracker(BALL)
    with pytest.raises(InputError, match="no object to track"):
        next(tracker.propagate())
    with pytest.raises(InputError, match="'a' has no prompt yet"):
        next(tracker.propagate(["a"]))
    tracker.prompt("a", click(12, 20, 22))
    for first, last in ((5, 4), (24, 30), (-1, 3), (0, -1)):
        with pytest.raises(InputError, match="range"):
            next(tracker.propagate(first=first, last=last))
    tracker.forget("a", 12)
    with pytest.raises(InputError, match="'a' has no prompt yet"):
        next(tracker.propagate())


def test_a_refused_prompt_leaves_nothing_behind():
    tracker = a_tracker(BALL)
    with pytest.raises(InputError, match="outside"):
        tracker.prompt("a", click(12, 20, 99))
    assert not tracker.objects
    tracker.prompt("a", click(12, 20, 22))
    with pytest.raises(InputError, match="outside"):
        tracker.prompt("a", click(12, 20, 99))
    assert len(tracker.objects["a"].prompts[12].points) == 1


def test_a_network_that_answers_with_no_numbers_is_refused(monkeypatch):
    monkeypatch.setattr("unit.tracking.oracle_network.IOU", float("nan"))
    with pytest.raises(InputError, match=r"answer with no numbers.*take other weights"):
        a_tracker(BALL).prompt("a", click(12, 20, 22))


def test_a_large_volume_is_never_held_as_float():
    shape = (600, 512, 512)
    voxels = np.zeros(shape, np.int16)
    voxels[300:303, 250:270, 250:270] = 1
    slices = VolumeSlices(Volume(voxels, Geometry(shape, np.eye(4))), window=WINDOW)
    tracker = Tracker(OracleNetwork(64), slices)
    tracemalloc.start()
    try:
        tracker.prompt("a", click(300, 260, 260))
        assert len(list(tracker.propagate(last=302, direction="forward"))) == 3
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()
