"""Pumping within a budget, and backends that fail to start, crash, or take no clients."""

import pytest

from medsam2.client import ClientState, PolledClient, polled_client
from medsam2.client.backend import Ended, Listening
from medsam2.protocol import Done, Error, Message, encode
from unit.client.played import Clock, PlayedBackend, PlayedLink
from unit.client.spoken import mask, ready


@pytest.fixture
def play(monkeypatch):
    """Let a client meet these links, one after the other."""

    def links(*played):
        waiting = list(played)
        monkeypatch.setattr(polled_client, "Link", lambda url, ca_file, session: waiting.pop(0))

    return links


# The budget


def test_a_pump_stops_when_its_time_is_over_and_goes_on_with_the_next(play, monkeypatch):
    clock = Clock()
    masks = [encode(mask(5, "a", index)) for index in range(10)]
    play(PlayedLink([encode(ready(1)), *masks]))
    client = PolledClient(PlayedBackend(Listening("ws://localhost")), clock=clock)
    receive = client._protocol.receive

    def slow_receive(data: bytes) -> list[Message]:
        clock.now += 2**-10
        return receive(data)

    monkeypatch.setattr(client._protocol, "receive", slow_receive)
    client.start()
    client.pump()  # makes the link
    counts = [len(client.pump()) for _ in range(7)]
    assert counts == [2, 2, 2, 2, 2, 1, 0]
    client.close()


def test_a_larger_budget_takes_more(play, monkeypatch):
    clock = Clock()
    play(PlayedLink([encode(ready(1)), *(encode(mask(5, "a", index)) for index in range(10))]))
    client = PolledClient(PlayedBackend(Listening("ws://localhost")), clock=clock)
    client.start()
    client.pump()
    assert len(client.pump(budget=1.0)) == 11
    client.close()


# Backends that are started


def end(client: PolledClient, clock: Clock) -> None:
    """Pump until nothing more happens, time passing."""
    for _ in range(20):
        client.pump()
        clock.now += 1


def test_a_start_that_fails_is_not_tried_again(play):
    clock = Clock()
    backend = PlayedBackend(Ended("There are no weights called x.", "", lasting=True))
    client = PolledClient(backend, clock=clock)
    client.start()
    end(client, clock)
    assert (client.failure.code, str(client.failure)) == ("unreachable", "There are no weights called x.")
    assert (backend.starts, backend.stops) == (1, [(0, True)])
    client.close()
    assert backend.stops[-1] == (0.5, False)


def test_a_crash_is_one_failure_and_starts_the_backend_again(play):
    clock = Clock()
    crashed, listening = Ended("It crashed.", "", lasting=False), Listening("ws://localhost")
    backend = PlayedBackend(listening, listening)
    lost = PlayedLink([encode(ready(1))], "The connection was cut.")
    play(lost, PlayedLink([encode(ready(1))]))
    client = PolledClient(backend, clock=clock)
    client.start()
    client.pump()
    backend._states[0] = crashed
    end(client, clock)
    assert client.state is ClientState.READY
    assert backend.starts == 2
    client.close()
    assert backend.stops == [(0.5, False)]


def test_a_backend_that_keeps_crashing_is_given_up_with_its_log(play):
    clock = Clock()
    backend = PlayedBackend(Listening("ws://localhost"))
    play(*(PlayedLink([encode(ready(1))], "The connection was cut.") for _ in range(3)))
    client = PolledClient(backend, clock=clock)
    client.propagate("k")
    client.start()
    end(client, clock)
    assert str(client.failure) == (
        "The backend was lost 3 times in a row. The connection was cut. The log is here."
    )
    client.close()
    assert backend.stops[-1] == (0.5, True)


def test_a_backend_that_takes_no_clients_any_more_is_started_again(play):
    clock = Clock()
    backend = PlayedBackend(Listening("ws://localhost"))
    word = encode(Error(0, "shutting_down", "The server is being stopped."))
    refused = PlayedLink([], "It does not answer.")
    refused.was_open = False
    served = PlayedLink([encode(ready(1)), encode(Done(3))], "The connection was cut.")
    play(PlayedLink([encode(ready(1)), word], "Closed."), served, refused, PlayedLink([encode(ready(1))]))
    client = PolledClient(backend, clock=clock)
    client.start()
    end(client, clock)
    assert client.state is ClientState.READY
    assert backend.starts == 3
    client.close()


def test_a_hello_that_came_too_late_is_said_again(play):
    clock = Clock()
    late = encode(Error(0, "not_ready", "No hello came."))
    play(PlayedLink([late], "Closed."), PlayedLink([encode(ready(1))]))
    client = PolledClient(PlayedBackend(Listening("ws://localhost")), clock=clock)
    client.start()
    end(client, clock)
    assert client.state is ClientState.READY
    client.close()


def test_a_server_that_is_full_says_so(play):
    clock = Clock()
    full = encode(Error(1, "busy", "The server has as many clients as it takes.", "Try again later."))
    play(PlayedLink([full], "Closed."))
    client = PolledClient(PlayedBackend(Listening("ws://localhost")), clock=clock)
    client.start()
    end(client, clock)
    assert client.failure.code == "busy"
