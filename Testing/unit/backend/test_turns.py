"""Who computes when: equal shares of tracking, readers that are slow, encoding in advance."""

from functools import partial

import pytest

from medsam2.protocol import Done
from unit.backend.examples import STEP_SECONDS, until


def test_clients_get_equal_shares_of_time_though_their_slices_cost_differently(recorded):
    costs = {"a": 1.0, "b": 0.25, "c": 0.5}
    with recorded.held():
        for name, cost in costs.items():
            recorded.submit(recorded.client(name), ord(name), [cost] * 400)
    recorded.wait_for_end(*map(ord, costs))
    # Only until the first has finished do all share alike.
    first = min(place for place, (_, message) in enumerate(recorded.sent) if isinstance(message, Done))
    shared = [name for name, _ in recorded.sent[:first]]
    seconds = [shared.count(name) * cost for name, cost in costs.items()]
    assert max(seconds) - min(seconds) <= max(costs.values())


def test_a_latecomer_does_not_catch_up(recorded):
    a, b = recorded.client("a"), recorded.client("b")

    def join():
        recorded.submit(b, 2, [1.0] * 20)

    recorded.submit(a, 1, [1.0] * 50 + [join] + [1.0] * 20)
    recorded.wait_for_end(1, 2)
    together = recorded.names()[51:]
    assert "aaa" not in together[:38]
    assert "bbb" not in together[:38]


def test_who_worked_alone_is_not_made_to_wait_for_it(recorded):
    a, b = recorded.client("a"), recorded.client("b")
    recorded.submit(a, 1, [1.0] * 50)
    recorded.wait_for_end(1)
    with recorded.held():
        recorded.submit(b, 2, [1.0] * 20)
        recorded.submit(a, 3, [1.0] * 20)
    recorded.wait_for_end(2, 3)
    assert recorded.names()[50:].count("a" * 3) == recorded.names()[50:86].count("b" * 3) == 0


def test_many_short_jobs_get_no_more_than_one_long_one(recorded):
    a, b = recorded.client("a"), recorded.client("b")
    with recorded.held():
        for id in range(100, 120):
            recorded.submit(a, id, [1.0])
        recorded.submit(b, 1, [1.0] * 20)
    recorded.wait_for_end(1, *range(100, 120))
    assert abs(recorded.names()[:20].count("a") - 10) <= 1


def test_clicks_are_charged(recorded):
    a, b = recorded.client("a"), recorded.client("b")
    with recorded.held():
        for id in range(10, 15):
            recorded.submit(a, id, [1.0], urgent=True)
        recorded.submit(a, 1, [1.0] * 5)
        recorded.submit(b, 2, [1.0] * 10)
    recorded.wait_for_end(1, 2, *range(10, 15))
    assert recorded.names()[:10] == "aaaaabbbbb"


def test_a_slow_readers_job_waits_while_others_go_on(recorded):
    room = []
    slow = recorded.client("s", has_room=lambda: bool(room))
    quick = recorded.client("q")
    recorded.submit(slow, 1, [1.0] * 5)
    recorded.submit(quick, 2, [1.0] * 5)
    recorded.wait_for_end(2)
    assert recorded.names() == "qqqqq"
    room.append(True)
    recorded.worker.wake()
    recorded.wait_for_end(1)


def test_a_slow_reader_does_not_catch_up(recorded):
    room = []
    slow = recorded.client("s", has_room=lambda: bool(room))
    quick = recorded.client("q")

    def read():
        room.append(True)

    recorded.submit(slow, 1, [1.0] * 20)
    recorded.submit(quick, 2, [1.0] * 30 + [read] + [1.0] * 20)
    recorded.wait_for_end(1, 2)
    assert "sss" not in recorded.names()[31:60]


def test_a_slow_reader_can_cancel_and_prompt(recorded):
    slow = recorded.client("s", has_room=lambda: False)
    recorded.submit(slow, 1, [1.0])
    recorded.submit(slow, 2, [1.0], urgent=True)
    recorded.worker.cancel(slow, 1)
    recorded.wait_for_end(1, 2)


def test_slices_are_encoded_in_advance_only_when_nothing_else_is_to_do(recorded):
    a, b = recorded.client("a"), recorded.client("b")
    counts = []
    with recorded.held():
        a.workspace.lookahead.left = 3
        recorded.submit(b, 1, [1.0, lambda: counts.append(a.workspace.lookahead.encoded), 1.0])
    recorded.wait_for_end(1)
    recorded.worker.wake()
    until(lambda: a.workspace.lookahead.encoded == 3)
    assert counts == [0]


@pytest.mark.parametrize("urgent", [True, False])
def test_encoding_in_advance_is_interrupted_by_work(recorded, urgent):
    a = recorded.client("a")
    ahead = a.workspace.lookahead
    ahead.until_interrupted = True
    ahead.left = 1
    recorded.worker.wake()
    assert ahead.began.wait(STEP_SECONDS)
    recorded.submit(a, 1, [1.0], urgent=urgent)
    recorded.wait_for_end(1)
    # It is taken up again afterwards.
    ahead.until_interrupted = False
    recorded.worker.cancel(a)
    until(lambda: ahead.encoded == 1)


def test_encoding_in_advance_that_fails_is_given_up_and_work_goes_on(recorded):
    a = recorded.client("a")
    a.workspace.lookahead.problem = MemoryError()
    a.workspace.lookahead.left = 1
    recorded.worker.wake()
    until(lambda: a.workspace.lookahead.left == 0)
    recorded.submit(a, 1, [1.0])
    recorded.wait_for_end(1)
    assert recorded.ends() == [Done(1)]


def test_clients_take_turns_in_encoding_in_advance(recorded):
    clients = {name: recorded.client(name) for name in "ab"}
    order = []
    with recorded.held():
        for name, client in clients.items():
            client.workspace.lookahead.on_encoded = partial(order.append, name)
            client.workspace.lookahead.left = 2
    until(lambda: len(order) == 4)
    assert order == ["a", "b", "a", "b"]
