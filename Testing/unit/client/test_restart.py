"""After a lost connection the server is told again what it knew, and the caller does not notice."""

from medsam2.client.client_protocol import ClientProtocol
from medsam2.prompt import Prompt
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
    protocol = opened()
    first = finish_prompt(protocol, "a", 1)
    finish_prompt(protocol, "b", 2)
    second = finish_prompt(protocol, "a", 2, box=(0, 0, 3, 3))
    protocol.restart()
    assert protocol.restoring
    greet(protocol)
    chunks = finish_upload(protocol)
    assert b"".join(chunk.data for chunk in chunks) == VOXELS.tobytes()
    assert sent(protocol) == []
    assert not protocol.restoring
    asked = protocol.prompt("a", "k", Prompt(3, ((1, 2, True),)))
    assert protocol.restoring
    messages = told(protocol)
    assert [message.id for message in messages] == [first, second, asked]
    assert (messages[0].prompt.points, messages[1].prompt.box) == (((1.0, 2.0, True),), (0.0, 0.0, 3.0, 3.0))
    again = protocol.prompt("a", "k", Prompt(3, ((2, 2, True),)))
    assert [message.id for message in sent(protocol)] == [again]


def test_what_is_told_again_ends_before_the_next_is_sent():
    protocol = opened()
    first = finish_prompt(protocol, "a", 1)
    second = finish_prompt(protocol, "a", 2)
    assert restarted(protocol) == []
    protocol.prompt("a", "k", Prompt(3, ((1, 2, True),)))
    assert [message.id for message in sent(protocol)] == [first]
    answer(protocol, Done(first))
    assert [message.id for message in sent(protocol)] == [second]


def test_objects_that_are_tracked_are_told_first():
    protocol = opened()
    a, b = finish_prompt(protocol, "a", 1), finish_prompt(protocol, "b", 2)
    protocol.prompt("c", "j", Prompt(2, ((1, 2, True),)))
    restarted(protocol)
    job = protocol.propagate("k")
    assert [message.id for message in told(protocol)] == [a, b, job]


def test_answers_that_the_caller_had_before_are_swallowed():
    protocol = opened()
    request = finish_prompt(protocol, "a", 1)
    restarted(protocol)
    protocol.prompt("a", "k", Prompt(2, ((1, 2, True),)))
    sent(protocol)
    assert answer(protocol, mask(request, "a", 1), Done(request)) == []
    assert not protocol.restoring


def test_the_upload_keeps_its_name():
    protocol = ClientProtocol("secret")
    request = protocol.open_volume(VOXELS, SPACING)
    greet(protocol)
    (before,) = sent(protocol)
    answer(protocol, Progress(request, 0, VOXELS.nbytes))
    protocol.next_message()
    protocol.restart()
    greet(protocol)
    (after,) = sent(protocol)
    assert after == before
    answer(protocol, Progress(request, 100, VOXELS.nbytes))
    assert sent(protocol)[0].offset == 100
    assert kinds(answer(protocol, Done(request, window=(0.0, 1.0)))) == ["Done"]


def test_an_unfinished_job_comes_again_as_a_whole_and_is_done_once():
    protocol = opened()
    prompt = finish_prompt(protocol, "a", 1)
    job = protocol.propagate("k", ["a"])
    sent(protocol)
    assert kinds(answer(protocol, mask(job, "a", 1))) == ["Mask"]
    assert [message.id for message in restarted(protocol)] == [prompt, job]
    arrived = answer(protocol, mask(job, "a", 1), Done(job))
    assert [(message.id, type(message).__name__) for message in arrived] == [(job, "Mask"), (job, "Done")]
    assert not protocol.waiting


def test_a_cancelled_job_is_cancelled_again():
    protocol = opened()
    job = protocol.propagate("k", ["a"])
    sent(protocol)
    protocol.cancel(job)
    sent(protocol)
    propagate, cancel = restarted(protocol)
    assert (propagate.id, kinds([cancel]), cancel.job) == (job, ["Cancel"], job)


def forget(protocol: ClientProtocol, *what) -> int:
    request = protocol.forget(*what)
    messages = sent(protocol)
    answer(protocol, Done(request))
    assert [message.id for message in messages] == [request]
    return request


def test_objects_that_were_forgotten_are_not_told():
    protocol = opened()
    finish_prompt(protocol, "a", 1)
    forget(protocol, "a")
    restarted(protocol)
    asked = protocol.prompt("a", "k", Prompt(2, ((1, 2, True),)))
    assert [message.id for message in told(protocol)] == [asked]


def test_slices_that_were_forgotten_are_forgotten_again():
    protocol = opened()
    first = finish_prompt(protocol, "a", 1)
    second = finish_prompt(protocol, "a", 2)
    forget(protocol, "a", None, 2)
    restarted(protocol)
    asked = protocol.prompt("a", "k", Prompt(2, ((1, 2, True),)))
    messages = told(protocol)
    assert [message.id for message in messages[:2]] == [first, second]
    assert (messages[2].object_id, messages[2].axis, messages[2].slice_index) == ("a", "k", 2)
    assert messages[3].id == asked


def test_forgetting_a_lost_object_tells_nothing():
    protocol = opened()
    finish_prompt(protocol, "a", 1)
    restarted(protocol)
    forget(protocol, "a")
    asked = protocol.prompt("a", "k", Prompt(2, ((1, 2, True),)))
    assert [message.id for message in told(protocol)] == [asked]


def test_forgetting_a_slice_of_a_lost_object_tells_the_rest():
    protocol = opened()
    first = finish_prompt(protocol, "a", 1)
    restarted(protocol)
    request = protocol.forget("a", "k", 1)
    assert [message.id for message in told(protocol)] == [first, request]


def test_what_was_refused_is_not_told():
    protocol = opened()
    request = protocol.prompt("a", "k", Prompt(99, ((1, 2, True),)))
    sent(protocol)
    answer(protocol, Error(request, "bad_input", "Slice 99 does not exist."))
    restarted(protocol)
    asked = protocol.prompt("a", "k", Prompt(2, ((1, 2, True),)))
    assert [message.id for message in told(protocol)] == [asked]


def test_prompts_of_an_earlier_volume_are_not_told():
    protocol = opened()
    finish_prompt(protocol, "a", 1)
    protocol.open_volume(VOXELS.copy(), SPACING)
    finish_upload(protocol)
    restarted(protocol)
    asked = protocol.prompt("a", "k", Prompt(2, ((1, 2, True),)))
    assert [message.id for message in told(protocol)] == [asked]


def test_the_earlier_volume_is_not_sent_when_another_is_being_opened():
    protocol = opened()
    finish_prompt(protocol, "a", 1)
    request = protocol.open_volume(VOXELS.copy(), SPACING)
    sent(protocol)
    protocol.restart()
    greet(protocol)
    assert [message.id for message in sent(protocol)] == [request]


def test_requests_made_while_restoring_come_last():
    protocol = opened()
    prompt = finish_prompt(protocol, "a", 1)
    protocol.restart()
    asked = protocol.prompt("a", "k", Prompt(2, ((1, 2, True),)))
    greet(protocol)
    finish_upload(protocol)
    assert [message.id for message in told(protocol)] == [prompt, asked]


def test_a_second_loss_during_the_restoration():
    protocol = opened()
    prompt = finish_prompt(protocol, "a", 1)
    job = protocol.propagate("k", ["a"])
    sent(protocol)
    protocol.restart()
    greet(protocol)
    finish_upload(protocol)
    assert [message.id for message in sent(protocol)] == [prompt]
    assert [message.id for message in restarted(protocol)] == [prompt, job]
    assert kinds(answer(protocol, Done(job))) == ["Done"]


def test_a_volume_that_cannot_be_restored_is_an_error_of_the_connection():
    protocol = opened()
    protocol.restart()
    greet(protocol)
    (volume,) = sent(protocol)
    (error,) = answer(protocol, Error(volume.id, "busy", "Other users' volumes fill the server's memory."))
    assert (error.id, error.code) == (0, "busy")
    protocol.restart()
    greet(protocol)
    assert sent(protocol) == []
