"""Walking with a network of one slice that is never wrong: what is missing is the walker's doing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from medsam2.backend.interruption import Interrupted
from medsam2.model.building import build_network
from medsam2.model.prompt_encoder import BOX_END, BOX_START, NEGATIVE, POSITIVE
from medsam2.model.slice_wise_config import SliceWiseConfig, ViTSizes
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import DrawnLine, Prompt
from medsam2.tracking import SelfSortingMemory, Tracker
from unit.tracking.examples import a_tracker, ball, click, collected, dice, disc
from unit.tracking.oracle_network import OneSliceOracle, OracleNetwork

SHAPE = (24, 48, 48)
BALL = ball(SHAPE, (12, 20, 22), 8)
"""On slices 4 to 20."""
SMALL = ball(SHAPE, (12, 40, 8), 5)
"""On slices 7 to 17."""
KINDS = pytest.mark.parametrize("takes_mask_prompts", [True, False])


def a_walker(truth: np.ndarray, takes_mask_prompts: bool = True, **options) -> Tracker:
    return a_tracker(truth, network=OneSliceOracle(takes_mask_prompts=takes_mask_prompts), **options)


def cylinder(*slices: range) -> np.ndarray:
    truth = np.zeros(SHAPE, bool)
    for part in slices:
        truth[part.start : part.stop] = disc(SHAPE[1:], (20, 22), 8)
    return truth


def indices(masks) -> list[int]:
    return [mask.slice_index for mask in masks]


def on_slice(mask) -> np.ndarray:
    return mask.mask.full(SHAPE[1:])


def cancelled(*_, **__):
    raise Interrupted


@KINDS
@pytest.mark.parametrize("field_of_view", ["auto", "slice", 30.0])
def test_a_click_a_box_and_a_mask_become_masks_through_the_volume(takes_mask_prompts, field_of_view):
    prompts = (
        click(12, 20, 22),
        Prompt(12, box=(11, 13, 29, 31)),
        Prompt(12, mask=PlacedMask.packed(BALL[12])),
    )
    for prompt in prompts:
        tracker = a_walker(BALL | SMALL, takes_mask_prompts, field_of_view=field_of_view)
        assert dice(on_slice(tracker.prompt("a", prompt)), BALL[12]) > 0.95
        masks = list(tracker.propagate())
        assert indices(masks)[0] == 12
        found = {mask.slice_index for mask in masks if not mask.mask.is_empty}
        assert found == set(range(6, 19)), "of a pole the last slices overlap too little"
        assert dice(collected(tracker, masks), BALL) > 0.95


def test_a_tube_that_branches_is_followed_into_both_branches():
    shape = (24, 64, 64)
    spread = [max(0.0, k - 8) for k in range(24)]
    truth = np.stack([disc(shape[1:], (32, 32 - s), 6) | disc(shape[1:], (32, 32 + s), 6) for s in spread])
    tracker = a_walker(truth)
    tracker.prompt("a", click(2, 32, 32))
    assert dice(collected(tracker, tracker.propagate()), truth) > 0.95


@pytest.mark.parametrize("margin", [0, 3 / 256])
def test_the_slice_is_asked_with_the_box_of_the_mask_before(margin):
    tracker = a_walker(cylinder(range(24)), field_of_view="slice")
    tracker.network.config = replace(tracker.network.config, box_margin=margin)
    tracker.prompt("a", click(12, 20, 22))
    list(tracker.propagate(direction="forward", last=13))
    points, labels, logits = tracker.network.asked[-1]
    assert labels.tolist() == [[BOX_START, BOX_END]]
    edges = np.array([[22 - 8, 20 - 8], [22 + 9, 20 + 9]]) * 256 / 48 - 0.5
    np.testing.assert_allclose(points[0], edges + 256 * np.array([[-margin], [margin]]), atol=1e-3)
    assert logits is None


@KINDS
def test_walking_stops_where_the_object_has_been_absent(takes_mask_prompts):
    tracker = a_walker(cylinder(range(5, 18)), takes_mask_prompts, absent_stop=2)
    tracker.prompt("a", click(12, 20, 22))
    masks = list(tracker.propagate())
    assert indices(masks) == [*range(12, 20), *range(11, 2, -1)]
    assert [mask.slice_index for mask in masks if mask.mask.is_empty] == [18, 19, 4, 3]


@KINDS
def test_a_slice_without_the_object_is_passed_by_the_last_mask_before_it(takes_mask_prompts):
    truth = cylinder(range(4, 10), range(11, 18))
    tracker = a_walker(truth, takes_mask_prompts)
    tracker.prompt("a", click(6, 20, 22))
    assert dice(collected(tracker, tracker.propagate()), truth) > 0.95


@KINDS
def test_where_the_object_meets_something_much_larger_it_is_gone(takes_mask_prompts):
    truth = cylinder(range(12))
    truth[12:] = disc(SHAPE[1:], (24, 24), 23)
    tracker = a_walker(truth, takes_mask_prompts)
    tracker.prompt("a", click(6, 20, 22))
    masks = list(tracker.propagate())
    assert dice(collected(tracker, masks), cylinder(range(12))) > 0.95
    beyond = next(mask for mask in masks if mask.slice_index == 12)
    assert beyond.object_score < 0
    assert beyond.iou == 0


def test_objects_that_touch_on_one_slice_are_parted_again_on_the_next():
    """On that slice the network sees one thing, twice as large as either."""
    one, other = (np.broadcast_to(disc(SHAPE[1:], (20, column), 7), SHAPE).copy() for column in (14, 32))
    truth = one | other
    truth[10, 18:23, 14:32] = True
    tracker = a_walker(truth)
    tracker.prompt("a", click(4, 20, 14))
    found = collected(tracker, tracker.propagate())
    kept = one.copy()
    kept[10] = False
    assert dice(found, kept) > 0.95


@KINDS
def test_between_two_prompts_both_ends_walk_to_the_middle(takes_mask_prompts):
    tracker = a_walker(BALL, takes_mask_prompts, absent_stop=None)
    for index in (6, 15):
        tracker.prompt("a", click(index, 20, 22))
    up, down = [*range(6, 11), *range(15, 24)], [14, 13, 12, 11, *range(5, -1, -1)]
    masks = list(tracker.propagate())
    assert indices(masks) == up + down
    assert dice(collected(tracker, masks), BALL) > 0.95


@KINDS
def test_a_correction_is_carried_on(takes_mask_prompts):
    both = BALL | SMALL
    tracker = a_walker(both, takes_mask_prompts, field_of_view="slice")
    tracker.prompt("a", click(8, 20, 22))
    list(tracker.propagate())
    assert dice(on_slice(tracker.prompt("a", click(12, 40, 8))), both[12]) > 0.9
    added = collected(tracker, tracker.propagate(start=12, direction="forward"))
    assert dice(added[12:18], both[12:18]) > 0.9
    assert dice(on_slice(tracker.prompt("a", click(14, 40, 8, positive=False))), BALL[14]) > 0.9
    taken = collected(tracker, tracker.propagate(start=14, direction="forward"))
    assert dice(taken[14:], BALL[14:]) > 0.9


def test_clicks_on_a_walked_slice_join_the_box_that_led_there():
    tracker = a_walker(BALL | SMALL, takes_mask_prompts=False, field_of_view="slice")
    tracker.prompt("a", click(8, 20, 22))
    list(tracker.propagate())
    for index in (12, 12):
        tracker.prompt("a", click(index, 40, 8, positive=False))
        tracker.prompt("a", click(index, 40, 8))
    points, labels, logits = tracker.network.asked[-1]
    assert labels.tolist() == [[BOX_START, BOX_END, NEGATIVE, POSITIVE, NEGATIVE, POSITIVE]]
    assert points[0, 0, 0] == points[0, 2, 0], "the box has grown to the click"
    assert logits is None
    tracker.prompt("b", click(8, 20, 22))
    tracker.prompt("b", click(8, 21, 22))
    assert tracker.network.asked[-1][1].tolist() == [[POSITIVE, POSITIVE]], "no box led to a prompted slice"


@pytest.mark.parametrize("is_first", [True, False])
@KINDS
def test_negative_clicks_that_wait_correct_what_walking_brings(takes_mask_prompts, is_first):
    both = Prompt(8, points=((20, 22, True), (40, 8, True)))
    prompts = [both, click(12, 40, 8, positive=False)]
    tracker = a_walker(BALL | SMALL, takes_mask_prompts, field_of_view="slice")
    for prompt in prompts[::-1] if is_first else prompts:
        tracker.prompt("a", prompt)
    kept = BALL | SMALL
    kept[12:] = BALL[12:]
    assert dice(collected(tracker, tracker.propagate()), kept) > 0.95


def test_objects_are_batched_and_equal_each_alone():
    places = {"a": (20, 22), "b": (40, 8)}
    together = a_walker(BALL | SMALL, field_of_view="slice", absent_stop=None)
    for name, place in places.items():
        together.prompt(name, click(12, *place))
    masks = list(together.propagate())
    assert max(together.network.batches) == 2
    assert together.network.encoded == len({mask.slice_index for mask in masks})
    for name, place in places.items():
        alone = a_walker(BALL | SMALL, field_of_view="slice", absent_stop=None)
        alone.prompt(name, click(12, *place))
        expected = collected(alone, alone.propagate(), name)
        np.testing.assert_array_equal(collected(together, masks, name), expected)


@KINDS
def test_what_is_cancelled_in_the_middle_leaves_the_objects_as_they_were(takes_mask_prompts, monkeypatch):
    tracker = a_walker(BALL, takes_mask_prompts)
    for name in "ab":
        tracker.prompt(name, click(12, 20, 22))
    walking = tracker.propagate()
    done = [next(walking) for _ in range(6)]
    before = {name: dict(tracker.objects[name].entries) for name in "ab"}
    with monkeypatch.context() as broken:
        broken.setattr(tracker.network, "decode", cancelled)
        with pytest.raises(Interrupted):
            next(walking)
    assert {name: tracker.objects[name].entries for name in "ab"} == before
    assert dice(collected(tracker, [*done, *tracker.propagate()]), BALL) > 0.95


@KINDS
def test_an_object_that_drifts_out_of_the_first_field_of_view_is_followed(takes_mask_prompts):
    shape = (40, 64, 180)
    truth = np.stack([disc(shape[1:], (30, 30 + 3 * k), 10) for k in range(40)])
    tracker = a_walker(truth, takes_mask_prompts, field_of_view=50.0)
    assert not tracker.prompt("a", click(0, 30, 30)).field_of_view.contains(30, 147)
    assert dice(collected(tracker, tracker.propagate()), truth) > 0.9


def test_the_memorys_rule_changes_nothing():
    found = []
    for options in ({}, {"memory": SelfSortingMemory()}):
        tracker = a_walker(BALL, **options)
        tracker.prompt("a", click(12, 20, 22))
        found.append(collected(tracker, tracker.propagate()))
    np.testing.assert_array_equal(*found)
    assert tracker.remembered_bytes > 0


def test_a_prompt_that_found_nothing_leads_to_nothing():
    tracker = a_walker(BALL)
    assert tracker.prompt("a", click(12, 44, 44)).mask.is_empty
    assert not collected(tracker, tracker.propagate()).any()


@KINDS
def test_a_lasso_is_shown_to_networks_that_take_masks(takes_mask_prompts):
    around = DrawnLine(((8, 10), (8, 34), (32, 34), (32, 10)), True)
    tracker = a_walker(BALL | SMALL, takes_mask_prompts)
    answer = tracker.prompt("a", Prompt(12, lassos=(around,)))
    assert dice(on_slice(answer), BALL[12]) > 0.95
    assert (tracker.network.asked[-1][2] is not None) == takes_mask_prompts
    assert dice(collected(tracker, tracker.propagate()), BALL) > 0.95


def test_a_network_that_remembers_may_choose_the_field_of_view():
    network, chooser = OneSliceOracle(), OracleNetwork(64)
    tracker = a_tracker(BALL, network=network, field_of_view_network=chooser)
    tracker.prompt("a", click(12, 20, 22))
    assert network.encoded == 1
    assert chooser.encoded > 1
    assert dice(collected(tracker, tracker.propagate()), BALL) > 0.95


@pytest.mark.network
@KINDS
def test_a_real_network_answers_objects_in_one_batch_as_each_alone(takes_mask_prompts):
    config = SliceWiseConfig(
        "small",
        "sam",
        image_size=64,
        encoder=ViTSizes(32, 2, 2, (1,)),
        takes_mask_prompts=takes_mask_prompts,
        model_dim=32,
        decoder_heads=2,
        decoder_feedforward=32,
    )
    torch.manual_seed(0)
    network = build_network(config).eval()
    given = {"a": PlacedMask.packed(BALL[12]), "b": PlacedMask.packed(SMALL[12])}

    def logits(names: str) -> dict[tuple[str, int], torch.Tensor]:
        tracker = a_tracker(BALL | SMALL, network=network, field_of_view="slice", connected=False)
        for name in names:
            tracker.prompt(name, Prompt(12, mask=given[name]))
        masks = tracker.propagate(last=14)
        return {(mask.object_id, mask.slice_index): torch.from_numpy(mask.logits) for mask in masks}

    alone = {**logits("a"), **logits("b")}
    together = logits("ab")
    assert together.keys() == alone.keys()
    for place, answer in together.items():
        torch.testing.assert_close(answer, alone[place], atol=1e-3, rtol=1e-3)


def test_a_network_of_one_slice_is_told_what_is_beyond_it(monkeypatch):
    seen = []
    network = OneSliceOracle(64)
    network.config = SliceWiseConfig("oracle", "oracle", image_size=64, resampling="area")
    encode = network.encode_image
    monkeypatch.setattr(
        network, "encode_image", lambda image, shown: seen.append((image, shown)) or encode(image)
    )
    tracker = a_tracker(np.ones((2, 30, 60), bool), network=network, field_of_view="slice")
    tracker.prompt("a", click(0, 10, 10))
    ((image, shown),) = seen
    assert shown[0, 0, 16:48].all()
    assert int(shown.sum()) == 32 * 64
    torch.testing.assert_close(image, shown.float(), atol=1e-6, rtol=0)
