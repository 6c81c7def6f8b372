"""What becomes of jobs: their order, their ends, and their failures."""

import gc
import threading
import weakref

import pytest

from medsam2.backend.interruption import Interrupted
from medsam2.backend.jobs import Job
from medsam2.errors import InputError
from medsam2.protocol import Done, Error, Progress, ProtocolError
from unit.backend.examples import STEP_SECONDS, until


def test_urgent_jobs_go_before_tracking(recorded):
    a, b = recorded.client("a"), recorded.client("b")
    with recorded.held():
        recorded.submit(a, 1, [1.0] * 3)
        recorded.submit(b, 2, [1.0], urgent=True)
        recorded.submit(a, 3, [1.0], urgent=True)
    recorded.wait_for_end(1, 2, 3)
    assert recorded.names()[2:] == "aaa"
    assert [end.id for end in recorded.ends()][-1] == 1


def test_a_prompt_is_answered_between_two_slices_of_a_track(recorded):
    a = recorded.client("a")
    reached, submitted = threading.Event(), threading.Event()

    def second_slice():
        reached.set()
        assert submitted.wait(STEP_SECONDS)

    recorded.submit(a, 1, [1.0, second_slice, 1.0, 1.0])
    assert reached.wait(STEP_SECONDS)
    recorded.submit(a, 2, [1.0], urgent=True)
    submitted.set()
    recorded.wait_for_end(1, 2)
    assert [message.id for _, message in recorded.sent] == [1, 1, 2, 2, 1, 1]


def test_nobodys_clicks_keep_anothers_waiting(recorded):
    a, b = recorded.client("a"), recorded.client("b")
    with recorded.held():
        for id in range(1, 6):
            recorded.submit(a, id, [1.0], urgent=True)
        recorded.submit(b, 9, [1.0], urgent=True)
    recorded.wait_for_end(1, 2, 3, 4, 5, 9)
    assert "b" in recorded.names(Done)[:2]


def test_jobs_of_one_client_are_done_in_their_order(recorded):
    a = recorded.client("a")
    with recorded.held():
        for id in (1, 2, 3):
            recorded.submit(a, id, [1.0, 1.0])
    recorded.wait_for_end(1, 2, 3)
    assert [message.id for _, message in recorded.sent] == [1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_a_queued_job_that_is_cancelled_is_never_begun(recorded):
    a = recorded.client("a")
    begun = []
    with recorded.held():
        recorded.submit(a, 1, [1.0])
        recorded.submit(a, 2, [lambda: begun.append(2), 1.0])
        recorded.worker.cancel(a, 2)
    recorded.wait_for_end(1, 2)
    assert not begun
    assert Done(2, "cancelled") in recorded.ends()
    assert Done(1) in recorded.ends()


def test_a_running_job_that_is_cancelled_sends_the_slice_in_flight_and_ends(recorded):
    a = recorded.client("a")
    recorded.submit(a, 1, [1.0, lambda: recorded.worker.cancel(a, 1), 1.0, 1.0, 1.0])
    recorded.wait_for_end(1)
    assert recorded.names() == "aa"
    assert recorded.ends() == [Done(1, "cancelled")]


def test_a_slice_that_is_interrupted_is_dropped_and_its_job_ends(recorded):
    a = recorded.client("a")
    recorded.submit(a, 1, [1.0, lambda: recorded.worker.cancel(a, 1), Interrupted(), 1.0])
    recorded.submit(a, 2, [1.0])
    recorded.wait_for_end(1, 2)
    assert recorded.names() == "aa"
    assert recorded.ends() == [Done(1, "cancelled"), Done(2)]


def test_cancelling_tracking_leaves_prompts_alone(recorded):
    a, b = recorded.client("a"), recorded.client("b")
    with recorded.held():
        recorded.submit(a, 1, [1.0])
        recorded.submit(a, 2, [1.0])
        recorded.submit(a, 3, [1.0], urgent=True)
        recorded.submit(b, 4, [1.0])
        recorded.worker.cancel_tracking(a)
    recorded.wait_for_end(1, 2, 3, 4)
    assert sorted(end.id for end in recorded.ends() if end.outcome == "cancelled") == [1, 2]


def test_a_job_that_has_ended_cannot_be_cancelled(recorded):
    a = recorded.client("a")
    recorded.submit(a, 1, [1.0])
    recorded.wait_for_end(1)
    recorded.worker.cancel(a)
    recorded.submit(a, 2, [1.0])
    recorded.wait_for_end(2)
    assert recorded.ends() == [Done(1), Done(2)]


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (InputError("The slice does not exist: give another."), "bad_input"),
        (ProtocolError("no_volume", "No volume is open."), "no_volume"),
        (MemoryError(), "out_of_memory"),
        (KeyError("name"), "internal"),
    ],
)
def test_a_job_that_fails_ends_with_one_error_and_the_next_one_works(recorded, problem, code):
    a = recorded.client("a")
    recorded.submit(a, 1, [1.0, problem])
    recorded.submit(a, 2, [1.0])
    recorded.wait_for_end(1, 2)
    assert [(type(end), end.id) for end in recorded.ends()] == [(Error, 1), (Done, 2)]
    assert recorded.ends()[0].code == code


def test_an_answer_that_cannot_be_sent_is_a_failure_of_its_job(recorded):
    a = recorded.client("a")
    send, tried = a.send, []

    def failing_once(message):
        if isinstance(message, Progress) and not tried:
            tried.append(message)
            raise MemoryError
        send(message)

    a.send = failing_once
    recorded.submit(a, 1, [1.0, 1.0])
    recorded.submit(a, 2, [1.0])
    recorded.wait_for_end(1, 2)
    assert recorded.ends()[0].code == "out_of_memory"


def test_without_memory_everybodys_features_are_freed_and_what_the_job_held(recorded):
    a, b = recorded.client("a"), recorded.client("b")
    held = []

    class Large:
        pass

    def steps():
        large = Large()
        held.append(weakref.ref(large))
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        yield

    recorded.worker.submit(a, Job(1, "propagate", steps, urgent=False))
    recorded.wait_for_end(1)
    gc.disable()
    try:
        assert held[0]() is None
    finally:
        gc.enable()
    assert recorded.ends()[0].code == "out_of_memory"
    assert recorded.ends()[0].hint
    assert a.workspace.features_freed == b.workspace.features_freed == 1


def test_after_that_another_thread_computes(recorded):
    """What libraries noted for the thread that had no memory does not hinder it."""
    a = recorded.client("a")
    threads = []

    def note():
        threads.append(threading.current_thread())

    recorded.submit(a, 1, [note, 1.0])
    recorded.submit(a, 2, [note, MemoryError()])
    recorded.submit(a, 3, [note, 1.0])
    recorded.submit(a, 4, [note, 1.0])
    recorded.wait_for_end(1, 2, 3, 4)
    first, second, third, fourth = threads
    assert first is second
    assert second is not third
    assert third is fourth


def test_a_removed_client_is_freed_and_hears_nothing_more(recorded):
    a, b = recorded.client("a"), recorded.client("b")
    with recorded.held():
        recorded.submit(a, 1, [1.0] * 5)
        recorded.submit(a, 2, [1.0], urgent=True)
        recorded.worker.remove(a)
        recorded.submit(b, 3, [1.0])
    recorded.wait_for_end(3)
    until(lambda: a.workspace.freed == 1)
    assert "a" not in recorded.names()
    assert recorded.worker.waiting_jobs() == 0


def test_a_client_that_is_removed_in_the_middle_of_a_slice_is_freed_after_it(recorded):
    a = recorded.client("a")
    freed_during = []

    def leave():
        recorded.worker.remove(a)
        freed_during.append(a.workspace.freed)

    recorded.submit(a, 1, [1.0, leave, 1.0, 1.0])
    until(lambda: a.workspace.freed == 1)
    assert freed_during == [0]
    assert not recorded.ends()


def test_a_session_can_be_freed_while_its_client_stays(recorded):
    a = recorded.client("a")
    with recorded.held():
        recorded.worker.free(a)
        recorded.worker.cancel(a)  # reaches requests only
        recorded.submit(a, 1, [1.0], urgent=True)
    recorded.wait_for_end(1)
    assert a.workspace.freed == 1
    assert recorded.ends() == [Done(1)]


def test_what_is_not_answered_is_silent_whether_it_works_fails_or_is_cancelled(recorded):
    a = recorded.client("a")

    def failing():
        raise InputError("The image is a single slice.")
        yield

    with recorded.held():
        recorded.worker.submit(a, Job(1, "view", failing, urgent=True, answered=False))
        recorded.worker.submit(a, Job(2, "view", lambda: recorded._run(2, []), urgent=True, answered=False))
        recorded.worker.cancel(a)
        recorded.submit(a, 3, [])
    recorded.wait_for_end(3)
    assert recorded.ends() == [Done(3)]


def test_stopping_finishes_the_slice_and_drops_everything_else_unanswered(recorded):
    a, b = recorded.client("a"), recorded.client("b")
    recorded.submit(a, 1, [recorded.worker.stop, 1.0, 1.0])
    until(lambda: recorded.worker.stopped)
    recorded.submit(b, 2, [1.0])
    assert recorded.names() == "a"
    assert recorded.ends() == []
    assert recorded.worker.waiting_jobs() == 0
