"""After a lost connection the server is told again what it knew, and the caller does not notice."""

from medsam2.client.session import Session
from medsam2.protocol import Done, Error, Progress
from unit.client.spoken import (
    SPACING,
    VOXELS,
    answer,
    finish_prompt,
    finish_upload,
    greet,
    kinds,
    mask,
    opened,
    restarted,
    sent,
    told,
)


def test_the_volume_is_told_again_at_once_and_prompts_when_they_are_needed():
    session = opened()
    first = finish_prompt(session, "a", 1)
    finish_prompt(session, "b", 2)
    second = finish_prompt(session, "a", 2, box=(0, 0, 3, 3))
    session.restart()
    assert session.restoring
    greet(session)
    chunks = finish_upload(session)
    assert b"".join(chunk.data for chunk in chunks) == VOXELS.tobytes()
    assert sent(session) == []
    assert not session.restoring
    asked = session.prompt("a", "k", 3, [(1, 2, True)])
    assert session.restoring
    messages = told(session)
    assert [message.id for message in messages] == [first, second, asked]
    assert (messages[0].points, messages[1].box) == (((1.0, 2.0, True),), (0.0, 0.0, 3.0, 3.0))
    again = session.prompt("a", "k", 3, [(2, 2, True)])
    assert [message.id for message in sent(session)] == [again]


def test_what_is_told_again_ends_before_the_next_is_sent():
    session = opened()
    first = finish_prompt(session, "a", 1)
    second = finish_prompt(session, "a", 2)
    assert restarted(session) == []
    session.prompt("a", "k", 3, [(1, 2, True)])
    assert [message.id for message in sent(session)] == [first]
    answer(session, Done(first))
    assert [message.id for message in sent(session)] == [second]


def test_objects_that_are_tracked_are_told_first():
    session = opened()
    a, b = finish_prompt(session, "a", 1), finish_prompt(session, "b", 2)
    session.prompt("c", "j", 2, [(1, 2, True)])
    restarted(session)
    job = session.propagate("k")
    assert [message.id for message in told(session)] == [a, b, job]


def test_answers_that_the_caller_had_before_are_swallowed():
    session = opened()
    request = finish_prompt(session, "a", 1)
    restarted(session)
    session.prompt("a", "k", 2, [(1, 2, True)])
    sent(session)
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


def test_an_unfinished_job_comes_again_as_a_whole_and_is_done_once():
    session = opened()
    prompt = finish_prompt(session, "a", 1)
    job = session.propagate("k", ["a"])
    sent(session)
    assert kinds(answer(session, mask(job, "a", 1))) == ["Mask"]
    assert [message.id for message in restarted(session)] == [prompt, job]
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


def forget(session: Session, *what) -> int:
    request = session.forget(*what)
    messages = sent(session)
    answer(session, Done(request))
    assert [message.id for message in messages] == [request]
    return request


def test_objects_that_were_forgotten_are_not_told():
    session = opened()
    finish_prompt(session, "a", 1)
    forget(session, "a")
    restarted(session)
    asked = session.prompt("a", "k", 2, [(1, 2, True)])
    assert [message.id for message in told(session)] == [asked]


def test_slices_that_were_forgotten_are_forgotten_again():
    session = opened()
    first = finish_prompt(session, "a", 1)
    second = finish_prompt(session, "a", 2)
    forget(session, "a", None, 2)
    restarted(session)
    asked = session.prompt("a", "k", 2, [(1, 2, True)])
    messages = told(session)
    assert [message.id for message in messages[:2]] == [first, second]
    assert (messages[2].object_id, messages[2].axis, messages[2].slice_index) == ("a", "k", 2)
    assert messages[3].id == asked


def test_forgetting_a_lost_object_tells_nothing():
    session = opened()
    finish_prompt(session, "a", 1)
    restarted(session)
    forget(session, "a")
    asked = session.prompt("a", "k", 2, [(1, 2, True)])
    assert [message.id for message in told(session)] == [asked]


def test_forgetting_a_slice_of_a_lost_object_tells_the_rest():
    session = opened()
    first = finish_prompt(session, "a", 1)
    restarted(session)
    request = session.forget("a", "k", 1)
    assert [message.id for message in told(session)] == [first, request]


def test_what_was_refused_is_not_told():
    session = opened()
    request = session.prompt("a", "k", 99, [(1, 2, True)])
    sent(session)
    answer(session, Error(request, "bad_input", "Slice 99 does not exist."))
    restarted(session)
    asked = session.prompt("a", "k", 2, [(1, 2, True)])
    assert [message.id for message in told(session)] == [asked]


def test_prompts_of_an_earlier_volume_are_not_told():
    session = opened()
    finish_prompt(session, "a", 1)
    session.open_volume(VOXELS.copy(), SPACING)
    finish_upload(session)
    restarted(session)
    asked = session.prompt("a", "k", 2, [(1, 2, True)])
    assert [message.id for message in told(session)] == [asked]


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
    prompt = finish_prompt(session, "a", 1)
    session.restart()
    asked = session.prompt("a", "k", 2, [(1, 2, True)])
    greet(session)
    finish_upload(session)
    assert [message.id for message in told(session)] == [prompt, asked]


def test_a_second_loss_during_the_restoration():
    session = opened()
    prompt = finish_prompt(session, "a", 1)
    job = session.propagate("k", ["a"])
    sent(session)
    session.restart()
    greet(session)
    finish_upload(session)
    assert [message.id for message in sent(session)] == [prompt]
    assert [message.id for message in restarted(session)] == [prompt, job]
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
