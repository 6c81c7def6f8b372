"""Several orientations, with a network that is never wrong about bright objects."""

from dataclasses import replace

import numpy as np
import pytest

from medsam2.propagation_options import PropagationOptions
from medsam2.tracking import OrientedPropagation, SliceMask, Tracker
from medsam2.tracking.orientations import agreement
from unit.tracking.examples import a_tracker, ball, click, collected, dice
from unit.tracking.test_slice_walker import OneSliceOracle

SHAPE = (24, 30, 28)
BALL = ball(SHAPE, (11, 14, 13), 7)
SMALLER = ball(SHAPE, (11, 14, 13), 4)


def prompted(truth: np.ndarray = BALL, objects=(("a", (11, 14, 13)),)) -> Tracker:
    tracker = a_tracker(truth)
    for name, (k, j, i) in objects:
        tracker.prompt(name, click(k, j, i))
    return tracker


def answers(tracker: Tracker, count: int, **options) -> list[SliceMask]:
    steps = OrientedPropagation(tracker, count).propagate(
        list(tracker.objects), PropagationOptions(**options)
    )
    return [answer for _, answer in steps if answer is not None]


def seeing(truth: np.ndarray, monkeypatch) -> None:
    """From now on other axes see other voxels."""
    monkeypatch.setattr(Tracker, "along", lambda self, axis: a_tracker(truth, axis))


@pytest.mark.parametrize(("count", "ways"), [(1, ""), (3, "ji"), (6, "jikji")])
def test_what_all_see_alike_stays_and_they_agree(count, ways):
    tracker = prompted()
    oriented = OrientedPropagation(tracker, count)
    assert "".join(way.axis for way in oriented.ways) == ways
    found = answers(tracker, count)
    assert dice(collected(tracker, found), BALL) > 0.98
    fused = [answer for answer in found if answer.agreement is not None]
    assert {answer.slice_index for answer in fused} == (set(range(2, 21)) - {11} if ways else set())
    inner = [answer for answer in fused if BALL[answer.slice_index].sum() > 1]  # the tips are one voxel
    assert all(answer.agreement > 0.85 for answer in inner)


def test_first_the_masks_of_one_axis_then_the_fused_ones_in_their_place():
    tracker = prompted()
    alone = list(prompted().propagate())
    found = answers(tracker, 3)
    assert [one.slice_index for one in found[: len(alone)]] == [one.slice_index for one in alone]
    assert all(answer.agreement is None for answer in found[: len(alone)])
    assert all(answer.agreement is not None for answer in found[len(alone) :])


def test_two_axes_outvote_one_and_the_disagreement_is_told(monkeypatch):
    tracker = prompted()
    seeing(SMALLER, monkeypatch)
    found = answers(tracker, 3)
    mask = collected(tracker, found)
    assert (mask[11] == BALL[11]).all()  # where the person clicked
    others = [index for index in range(SHAPE[0]) if index != 11]
    assert dice(mask[others], SMALLER[others]) > 0.9
    by_slice = {answer.slice_index: answer for answer in found if answer.agreement is not None}
    assert all(by_slice[index].agreement < 0.7 for index in (9, 13))


def test_slices_of_which_a_person_said_something_are_never_overruled(monkeypatch):
    tracker = prompted()
    tracker.prompt("a", click(9, 14, 13))
    seeing(SMALLER, monkeypatch)
    found = answers(tracker, 3)
    assert {9, 11}.isdisjoint(one.slice_index for one in found if one.agreement is not None)
    mask = collected(tracker, found)
    assert (mask[9] == BALL[9]).all()


def test_a_correction_goes_on_from_the_fused_mask(monkeypatch):
    tracker = prompted()
    seeing(SMALLER, monkeypatch)
    fused = {one.slice_index: one for one in answers(tracker, 3)}[9]
    kept = tracker.objects["a"].answer("a", 9, SHAPE[1:])
    assert kept.mask == fused.mask
    logits = tracker.objects["a"].entries[9].logits
    shown = tracker.objects["a"].entries[9].field_of_view.mask_on_slice(logits[0, 0], SHAPE[1:])
    assert dice(shown.full(SHAPE[1:]), fused.mask.full(SHAPE[1:])) > 0.9


@pytest.mark.parametrize("last", range(3))
def test_whoever_stops_has_whole_masks_of_one_kind_or_the_other(monkeypatch, last):
    tracker = prompted()
    alone = {one.slice_index: one.mask for one in prompted().propagate()}
    seeing(SMALLER, monkeypatch)
    steps = OrientedPropagation(tracker, 3).propagate(["a"], PropagationOptions())
    came: dict[int, SliceMask] = {}
    for share, answer in steps:
        if answer is not None:
            came[answer.slice_index] = answer
        if (last == 0 and len(came) == 5) or (last == 1 and share > 0.5):
            break
        if last == 2 and answer is not None and answer.agreement is not None:
            break
    steps.close()
    target = tracker.objects["a"]
    for index, answer in came.items():
        assert target.answer("a", index, SHAPE[1:]).mask == answer.mask
        assert answer.agreement is not None or answer.mask == alone[index]


def test_a_range_holds_for_all_axes():
    tracker = prompted()
    found = answers(tracker, 3, first=8, last=13)
    assert {answer.slice_index for answer in found} == set(range(8, 14))
    assert dice(collected(tracker, found)[8:14], BALL[8:14]) > 0.98


def test_several_objects_do_not_mix():
    other = ball(SHAPE, (6, 24, 22), 4)
    tracker = prompted(BALL | other, (("a", (11, 14, 13)), ("b", (6, 24, 22))))
    found = answers(tracker, 3)
    for name, truth in (("a", BALL), ("b", other)):
        of_one = [answer for answer in found if answer.object_id == name]
        assert dice(collected(tracker, of_one, name), truth) > 0.97


def test_what_was_not_found_ends_after_one_axis():
    tracker = prompted(BALL)
    tracker.prompt("a", replace(click(11, 2, 2), box=(0.0, 0.0, 3.0, 3.0), points=()))
    tracker.forget("a")
    tracker.prompt("a", replace(click(1, 2, 2), box=(0.0, 0.0, 3.0, 3.0), points=()))
    assert all(answer.mask.is_empty and answer.agreement is None for answer in answers(tracker, 3))


@pytest.mark.parametrize("takes_mask_prompts", [True, False])
def test_networks_that_know_one_slice_only_are_fused_too(takes_mask_prompts):
    tracker = a_tracker(BALL, network=OneSliceOracle(takes_mask_prompts=takes_mask_prompts))
    tracker.prompt("a", click(11, 14, 13))
    found = answers(tracker, 6)
    assert dice(collected(tracker, found), BALL) > 0.95
    assert any(answer.agreement is not None for answer in found)


def test_progress_rises_to_the_whole():
    shares = [share for share, _ in OrientedPropagation(prompted(), 6).propagate(["a"], PropagationOptions())]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_agreement_is_the_iou_to_expect():
    probable = np.zeros((4, 6), np.float32)
    assert agreement(probable) == 1
    probable[0] = 1
    assert agreement(probable) == 1
    probable[1] = 1 / 3
    assert agreement(probable) == pytest.approx(6 / 8)
    probable[2] = 0.01  # so little says nothing
    assert agreement(probable) == pytest.approx(6 / 8)
