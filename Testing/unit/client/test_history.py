"""After a lost connection an object's tracking is repeated in the order in which it was done."""

from dataclasses import replace

import numpy as np

from medsam2.client.client_protocol import ClientProtocol
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.propagation_options import PropagationOptions
from medsam2.protocol import Done, Forget, PromptRequest, Propagate
from unit.client.spoken import (
    SPACING,
    VOXELS,
    answer,
    finish_prompt,
    finish_track,
    finish_upload,
    greet,
    kinds,
    mask,
    opened,
    restarted,
    sent,
    told,
)


def retold(protocol: ClientProtocol, object_id: str = "a") -> list:
    """Restart, and ask for an object: what the server is told again before that."""
    protocol.restart()
    greet(protocol)
    finish_upload(protocol)
    asked = protocol.prompt(object_id, "k", Prompt(3, ((0, 0, True),)))
    messages = told(protocol)
    assert messages[-1].id == asked
    return messages[:-1]


def slice_of(request: PromptRequest | Forget) -> int | None:
    return request.prompt.slice_index if isinstance(request, PromptRequest) else request.slice_index


def steps(messages: list) -> list[tuple]:
    """Prompts as their slice, tracking as its direction and range."""
    return [
        (one.options.direction, one.options.first, one.options.last)
        if isinstance(one, Propagate)
        else slice_of(one)
        for one in messages
    ]


def test_prompts_and_both_directions_of_tracking_in_their_order():
    protocol = opened()
    first = finish_prompt(protocol, "a", 1)
    finish_track(protocol, "a", [1, 2, 3, 0])
    correction = finish_prompt(protocol, "a", 2, points=[(0, 0, False)])
    job = finish_track(protocol, "a", [1, 2])
    messages = retold(protocol)
    assert steps(messages) == [1, ("both", 0, 3), 2, ("both", 1, 2)]
    assert [one.id for one in messages if isinstance(one, PromptRequest)] == [first, correction]
    tracks = [one for one in messages if isinstance(one, Propagate)]
    assert all((track.objects, track.options.start) == (("a",), None) for track in tracks)
    assert len({first, correction, job, *(track.id for track in tracks)}) == 5


def test_other_objects_of_the_same_job_are_not_tracked_again():
    protocol = opened()
    finish_prompt(protocol, "a", 1)
    finish_prompt(protocol, "b", 2)
    job = protocol.propagate("k")
    sent(protocol)
    answer(protocol, mask(job, "a", 1), mask(job, "a", 2), mask(job, "b", 2), mask(job, "a", 3), Done(job))
    messages = retold(protocol, "b")
    assert steps(messages) == [2, ("both", 2, 2)]
    assert messages[1].objects == ("b",)


def test_a_job_keeps_its_own_start_and_options():
    protocol = opened()
    finish_prompt(protocol, "a", 1)
    job = protocol.propagate("k", options=PropagationOptions(3, "backward", absent_stop=None))
    sent(protocol)
    answer(protocol, *(mask(job, "a", index) for index in (3, 2, 1, 0)), Done(job))
    _, track = retold(protocol)
    assert track.options == PropagationOptions(3, "backward", first=0, last=3, absent_stop=None)


def test_tracking_anew_from_a_correction_is_anew_only_where_it_started():
    protocol = opened()
    finish_prompt(protocol, "a", 0)
    finish_prompt(protocol, "a", 3)
    job = protocol.propagate("k", options=PropagationOptions(start=3))
    sent(protocol)
    answer(protocol, *(mask(job, "a", index) for index in (3, 2, 0, 1)), Done(job))
    messages = retold(protocol)
    assert steps(messages) == [0, 3, ("both", 2, 3), ("both", 0, 1)]
    assert [one.options.start for one in messages if isinstance(one, Propagate)] == [3, None]


def test_a_correction_during_tracking_divides_it():
    protocol = opened()
    finish_prompt(protocol, "a", 1)
    job = protocol.propagate("k", ["a"])
    sent(protocol)
    answer(protocol, mask(job, "a", 1), mask(job, "a", 2))
    finish_prompt(protocol, "a", 2, points=[(0, 0, False)])
    answer(protocol, mask(job, "a", 3), mask(job, "a", 0), Done(job))
    messages = retold(protocol)
    assert steps(messages) == [1, ("both", 1, 2), 2, ("both", 3, 3), ("both", 0, 0)]
    tracks = [one for one in messages if isinstance(one, Propagate)]
    assert [track.options.start for track in tracks] == [None] * 3, "the rest is not tracked anew"


def test_a_cancelled_job_is_repeated_as_far_as_it_came():
    protocol = opened()
    finish_prompt(protocol, "a", 0)
    job = protocol.propagate("k", ["a"])
    sent(protocol)
    answer(protocol, mask(job, "a", 0), mask(job, "a", 1), Done(job, "cancelled"))
    assert steps(retold(protocol)) == [0, ("both", 0, 1)]


def test_masks_of_repeated_tracking_are_swallowed_and_not_noted_again():
    protocol = opened()
    prompt = finish_prompt(protocol, "a", 1)
    finish_track(protocol, "a", [1, 2])
    protocol.restart()
    greet(protocol)
    finish_upload(protocol)
    protocol.prompt("a", "k", Prompt(3, ((0, 0, True),)))
    sent(protocol)
    answer(protocol, Done(prompt))
    (track,) = sent(protocol)
    assert answer(protocol, mask(track.id, "a", 1), mask(track.id, "a", 2), Done(track.id)) == []
    # The prompt that was in flight comes last.
    assert steps(retold(protocol)) == [1, ("both", 1, 2), 3]


def test_a_correction_in_flight_waits_for_the_tracking_before_it():
    protocol = opened()
    finish_prompt(protocol, "a", 1)
    finish_track(protocol, "a", [1, 2])
    correction = protocol.prompt("a", "k", Prompt(2, ((0, 0, False),)))
    sent(protocol)
    messages = restarted(protocol)
    assert kinds(messages) == ["PromptRequest", "Propagate", "PromptRequest"]
    assert messages[-1].id == correction


def test_a_job_that_is_done_once_more_starts_from_the_prompts_that_there_are_then():
    protocol = opened()
    finish_prompt(protocol, "a", 2)
    job = protocol.propagate("k", ["a"])
    sent(protocol)
    answer(protocol, mask(job, "a", 2))
    finish_prompt(protocol, "a", 1)
    restarted(protocol)
    answer(protocol, *(mask(job, "a", index) for index in (1, 2, 3, 0)), Done(job))
    assert steps(retold(protocol)) == [2, ("both", 2, 2), 1, ("both", 0, 3)]


def test_painted_masks_are_told_again():
    protocol = opened()
    finish_prompt(protocol, "a", 3, mask=PlacedMask.packed(np.ones((6, 8), bool)))
    (painted,) = retold(protocol)
    assert painted.prompt.mask.voxels.all()


def test_what_was_tracked_in_another_volume_is_not_repeated():
    protocol = opened()
    finish_prompt(protocol, "a", 1)
    finish_track(protocol, "a", [1, 2])
    protocol.restart()
    greet(protocol)
    finish_upload(protocol)
    protocol.open_volume(VOXELS.copy(), SPACING)
    protocol.prompt("a", "k", Prompt(2, ((0, 0, True),)))
    finish_upload(protocol)
    assert kinds(sent(protocol)) == ["PromptRequest"]


def tracked_in_three(slices: list[int], fused: list[int], outcome: str = "finished") -> list:
    """What is told again of a job that was to be fused."""
    protocol = opened()
    finish_prompt(protocol, "a", 1)
    job = protocol.propagate("k", ["a", "b"], PropagationOptions(start=1, orientations=3))
    sent(protocol)
    answer(protocol, *(mask(job, "a", index) for index in slices))
    answer(protocol, *(replace(mask(job, "a", index), agreement=0.5) for index in fused))
    answer(protocol, Done(job, outcome))
    return retold(protocol)


def test_of_several_orientations_the_first_is_repeated_until_they_are_fused():
    messages = tracked_in_three([1, 2, 0], [], "cancelled")
    assert steps(messages) == [1, ("both", 0, 2)]
    assert messages[1].options.orientations == 1


def test_several_orientations_that_were_fused_are_repeated_as_a_whole():
    messages = tracked_in_three([1, 2, 3, 0], [2, 3, 0])
    assert steps(messages) == [1, ("both", 0, None)]
    assert messages[1].options == PropagationOptions(start=1, orientations=3)
    assert messages[1].objects == ("a",)
