"""After a lost connection the server is told again what it knew, and the caller does not notice."""

import numpy as np

from medsam2.client.session import Session
from medsam2.protocol import Done, Error, Progress
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
    sent,
)


def restarted(session: Session) -> list:
    """Restart, and answer all that is told again with ``Done``; returns what was sent after the volume."""
    session.restart()
    greet(session)
    finish_upload(session)
    told = sent(session)
    while session.restoring:
        assert answer(session, Done(told[-1].id)) == []
        told += sent(session)
    return told


def test_the_volume_and_the_prompts_are_told_again_in_order():
    session = opened()
    first = finish_prompt(session, "a", 1)
    second = finish_prompt(session, "b", 2, box=(0, 0, 3, 3))
    session.restart()
    assert session.restoring
    greet(session)
    chunks = finish_upload(session)
    assert b"".join(chunk.data for chunk in chunks) == VOXELS.tobytes()
    told = sent(session)
    assert [message.id for message in told] == [first]
    answer(session, Done(first))
    told += sent(session)
    assert [message.id for message in told] == [first, second]
    assert (told[0].points, told[1].box) == (((1.0, 2.0, True),), (0.0, 0.0, 3.0, 3.0))


def test_answers_that_the_caller_had_before_are_swallowed():
    session = opened()
    request = finish_prompt(session, "a", 1)
    session.restart()
    greet(session)
    finish_upload(session)
    sent(session)
    assert session.restoring
    assert answer(session, mask(request, "a", 1), Done(request)) == []
    assert not session.restoring


def test_the_upload_keeps_its_name():
    session = Session("secret")
    request = session.open_volume(VOXELS, SPACING)
    greet(session)
    (before,) = sent(session)
    answer(session, Progress(request, 0, VOXELS.nbytes))
    session.next_message()
    session.restart()
    greet(session)
    (after,) = sent(session)
    assert after == before
    answer(session, Progress(request, 100, VOXELS.nbytes))
    assert sent(session)[0].offset == 100
    assert kinds(answer(session, Done(request, window=(0.0, 1.0)))) == ["Done"]


def test_an_unfinished_job_comes_again_and_is_done_once():
    session = opened()
    prompt = finish_prompt(session, "a", 1)
    job = session.propagate("k", ["a"])
    sent(session)
    assert kinds(answer(session, mask(job, "a", 1))) == ["Mask"]
    told = restarted(session)
    assert [message.id for message in told] == [prompt, job]
    arrived = answer(session, mask(job, "a", 1), Done(job))
    assert [(message.id, type(message).__name__) for message in arrived] == [(job, "Mask"), (job, "Done")]
    assert not session.waiting


def test_a_cancelled_job_is_cancelled_again():
    session = opened()
    job = session.propagate("k", ["a"])
    sent(session)
    session.cancel(job)
    sent(session)
    propagate, cancel = restarted(session)
    assert (propagate.id, kinds([cancel]), cancel.job) == (job, ["Cancel"], job)


def test_what_was_forgotten_is_not_told():
    session = opened()
    kept = finish_prompt(session, "a", 1)
    finish_prompt(session, "a", 2)
    finish_prompt(session, "b", 1)
    for forget in (session.forget("a", "k", 2), session.forget("b")):
        sent(session)
        answer(session, Done(forget))
    assert [message.id for message in restarted(session)] == [kept]


def test_what_was_refused_is_not_told():
    session = opened()
    request = session.prompt("a", "k", 99, [(1, 2, True)])
    sent(session)
    answer(session, Error(request, "bad_input", "Slice 99 does not exist."))
    assert restarted(session) == []


def test_prompts_of_an_earlier_volume_are_not_told():
    session = opened()
    finish_prompt(session, "a", 1)
    session.open_volume(VOXELS.copy(), SPACING)
    finish_upload(session)
    assert restarted(session) == []


def test_the_earlier_volume_is_not_sent_when_another_is_being_opened():
    session = opened()
    finish_prompt(session, "a", 1)
    request = session.open_volume(VOXELS.copy(), SPACING)
    sent(session)
    session.restart()
    greet(session)
    assert [message.id for message in sent(session)] == [request]


def test_requests_made_while_restoring_come_last():
    session = opened()
    told = finish_prompt(session, "a", 1)
    session.restart()
    asked = session.prompt("a", "k", 2, [(1, 2, True)])
    greet(session)
    finish_upload(session)
    assert [message.id for message in sent(session)] == [told]
    answer(session, Done(told))
    assert [message.id for message in sent(session)] == [asked]


def test_a_second_loss_during_the_restoration():
    session = opened()
    prompt = finish_prompt(session, "a", 1)
    job = session.propagate("k", ["a"])
    sent(session)
    session.restart()
    greet(session)
    sent(session)
    told = restarted(session)
    assert [message.id for message in told] == [prompt, job]
    assert kinds(answer(session, Done(job))) == ["Done"]


def test_a_volume_that_cannot_be_restored_is_an_error_of_the_connection():
    session = opened()
    session.restart()
    greet(session)
    (volume,) = sent(session)
    (error,) = answer(session, Error(volume.id, "busy", "Other users' volumes fill the server's memory."))
    assert (error.id, error.code) == (0, "busy")
    session.restart()
    greet(session)
    assert sent(session) == []


def test_a_correction_is_told_behind_the_tracking_that_it_corrects():
    session = opened()
    first = finish_prompt(session, "a", 1)
    finish_prompt(session, "b", 0)
    finish_track(session, "a", [1, 2, 3, 0])
    correction = finish_prompt(session, "a", 2, points=[(0, 0, False)])
    more = finish_prompt(session, "a", 2, points=[(1, 1, False)])
    told = restarted(session)
    assert kinds(told) == ["Prompt", "Prompt", "Propagate", "Prompt", "Prompt"]
    assert [told[0].id, told[3].id, told[4].id] == [first, correction, more]
    track = told[2]
    assert (track.objects, track.start, track.direction) == (("a",), 1, "forward")
    assert (track.first, track.last) == (1, 2)


def test_tracking_is_repeated_backwards_from_where_it_had_started():
    session = opened()
    finish_prompt(session, "a", 1)
    job = session.propagate("k", start=3, absent_stop=None)
    sent(session)
    answer(session, *(mask(job, "a", index) for index in (3, 2, 1, 0)), Done(job))
    finish_prompt(session, "a", 0, points=[(0, 0, False)])
    _, track, _ = restarted(session)
    assert (track.start, track.direction, track.first, track.last) == (3, "backward", 0, 3)
    assert track.absent_stop is None


def test_masks_of_repeated_tracking_are_swallowed():
    session = opened()
    prompt = finish_prompt(session, "a", 1)
    finish_track(session, "a", [1, 2])
    finish_prompt(session, "a", 2, points=[(0, 0, False)])
    session.restart()
    greet(session)
    finish_upload(session)
    sent(session)
    answer(session, Done(prompt))
    (track,) = sent(session)
    assert answer(session, mask(track.id, "a", 1), mask(track.id, "a", 2), Done(track.id)) == []


def test_a_correction_after_the_restart_repeats_the_tracking_that_the_server_has_lost():
    session = opened()
    finish_prompt(session, "a", 1)
    finish_track(session, "a", [1, 2, 3])
    restarted(session)
    first = session.prompt("a", "k", 3, [(0, 0, False)])
    second = session.prompt("a", "k", 3, [(1, 1, False)])
    (track,) = sent(session)
    assert session.restoring
    answer(session, *(mask(track.id, "a", index) for index in (1, 2, 3)), Done(track.id))
    known = session.prompt("a", "k", 2, [(1, 1, False)])
    assert [message.id for message in sent(session)] == [first, second, known]
    assert kinds(answer(session, Done(first))) == ["Done"]


def test_a_correction_in_flight_repeats_the_tracking_that_the_server_has_lost():
    session = opened()
    finish_prompt(session, "a", 1)
    finish_track(session, "a", [1, 2])
    correction = session.prompt("a", "k", 2, [(0, 0, False)])
    sent(session)
    told = restarted(session)
    assert kinds(told) == ["Prompt", "Propagate", "Prompt"]
    assert told[-1].id == correction


def test_slices_tracked_again_after_the_restart_are_known():
    session = opened()
    finish_prompt(session, "a", 1)
    finish_track(session, "a", [1, 2])
    restarted(session)
    finish_track(session, "a", [1, 2])
    session.prompt("a", "k", 2, [(0, 0, False)])
    assert kinds(sent(session)) == ["Prompt"]


def test_a_slice_that_was_forgotten_or_painted_is_no_correction():
    session = opened()
    finish_prompt(session, "a", 1)
    finish_track(session, "a", [1, 2, 3])
    restarted(session)
    session.forget("a", "k", 2)
    session.prompt("a", "k", 2, [(0, 0, True)])
    session.prompt("a", "k", 3, mask=np.ones((6, 8), bool))
    session.prompt("a", "k", 3, [(0, 0, False)])
    assert kinds(sent(session)) == ["Forget", "Prompt", "Prompt", "Prompt"]


def test_what_was_tracked_in_another_volume_is_not_repeated():
    session = opened()
    finish_prompt(session, "a", 1)
    finish_track(session, "a", [1, 2])
    restarted(session)
    session.open_volume(VOXELS.copy(), SPACING)
    finish_upload(session)
    session.prompt("a", "k", 2, [(0, 0, True)])
    assert kinds(sent(session)) == ["Prompt"]
