"""A polled client and a server that loses its connections."""

from collections import Counter

import pytest

from medsam2.client import ClientState, PolledClient, RemoteBackend
from medsam2.prompt import Prompt
from medsam2.protocol import Done, Error, Hello, Mask, Progress, PromptRequest
from unit.client.pumping import run, run_to_end, run_to_failure
from unit.client.scripted_server import OPENING, RESTORING, ScriptedBackend, serving
from unit.client.spoken import SPACING, VOXELS


@pytest.fixture
def client_of():
    """Start clients of a scripted backend at an address; they are closed at the end."""
    clients = []

    def make(url: str, token: str = "secret") -> PolledClient:
        backend = RemoteBackend(url, token)
        backend.waits = (0.0, 0.01, 0.01)
        clients.append(PolledClient(backend, "test"))
        clients[-1].start()
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_from_start_to_close(client_of):
    server = ScriptedBackend()
    with serving(server) as url:
        client = client_of(url)
        assert client.state is ClientState.STARTING
        assert client.busy
        opening = client.open_volume(VOXELS, SPACING)
        prompt = client.prompt("a", "k", Prompt(1, ((1, 2, True),)))
        job = client.propagate("k", ["a"])
        messages = run(client, lambda got: Done(job) in got)
        assert client.state is ClientState.READY
        assert not client.busy
        assert client.ready.weights == "starter"
        client.close()
        assert client.state is ClientState.CLOSED
        assert client.pump() == []
    kinds = Counter((type(message), message.id) for message in messages)
    assert kinds[Progress, opening] >= 2
    assert kinds[Mask, prompt] == 1
    assert kinds[Mask, job] == 10
    assert all(kinds[Done, request] == 1 for request in (opening, prompt, job))
    assert server.heard[0][0] == Hello(1, "secret", "test")


@pytest.mark.parametrize("lost_after", range(3, 19, 3))
def test_a_cut_connection_is_not_noticed(client_of, lost_after):
    server = ScriptedBackend(cuts=[lost_after])
    with serving(server) as url:
        client = client_of(url)
        opening = client.open_volume(VOXELS, SPACING)
        prompt = client.prompt("a", "k", Prompt(1, ((1, 2, True),)))
        job = client.propagate("k", ["a"])
        messages = run(client, lambda got: Done(job) in got)
        client.close()
    assert len(server.heard) == 2
    assert len(server.uploads) == 1
    ends = [message for message in messages if isinstance(message, Done)]
    assert [message.id for message in ends] == [opening, prompt, job]
    last = [message for message in messages if isinstance(message, Mask)][-10:]
    assert [(message.id, message.slice_index) for message in last] == [(job, index) for index in range(10)]


def test_a_client_keeps_its_name_over_losses_and_another_has_another(client_of):
    server = ScriptedBackend(cuts=[1, 1])
    with serving(server) as url:
        for _ in range(2):
            client = client_of(url)
            run_to_end(client, client.open_volume(VOXELS, SPACING))
            client.close()
    first, *again, other = server.sessions
    assert again == [first, first]
    assert len(first) == len(other) == 16
    assert first != other


def test_the_state_tells_of_the_restoration(client_of):
    server = ScriptedBackend(cuts=[OPENING + 5])
    with serving(server) as url:
        client = client_of(url)
        client.open_volume(VOXELS, SPACING)
        job = client.propagate("k", ["a"])
        states = []

        def seen(messages) -> bool:
            states.append(client.state)
            return Done(job) in messages

        run(client, seen)
        client.close()
    assert ClientState.RESTORING in states
    assert states[-1] is ClientState.READY


def test_too_many_losses_in_a_row_are_a_failure(client_of):
    server = ScriptedBackend(cuts=[OPENING + 5] * 10)
    with serving(server) as url:
        client = client_of(url)
        client.open_volume(VOXELS, SPACING)
        client.propagate("k", ["a"])
        run_to_failure(client)
    assert client.failure.code == "unreachable"
    assert "4 times in a row" in client.failure.message
    assert len(server.heard) == 4


def test_an_answered_request_in_between_is_patience_won(client_of):
    server = ScriptedBackend(cuts=[OPENING + 2] + [RESTORING + 2] * 5)
    with serving(server) as url:
        client = client_of(url)
        run_to_end(client, client.open_volume(VOXELS, SPACING))
        for _ in range(12):
            run_to_end(client, client.forget("a"))
        assert len(server.heard) >= 6
        client.close()


def test_requests_while_there_is_no_connection_are_answered_later(client_of):
    server = ScriptedBackend(cuts=[OPENING + 1])
    with serving(server) as url:
        client = client_of(url)
        run_to_end(client, client.open_volume(VOXELS, SPACING))
        first = client.prompt("a", "k", Prompt(1, ((1, 2, True),)))
        run(client, lambda _: client.state is ClientState.RESTORING)
        second = client.prompt("b", "k", Prompt(2, ((1, 2, True),)))
        run_to_end(client, second)
        client.close()
    prompts = [message.id for message in server.heard[1] if isinstance(message, PromptRequest)]
    assert prompts == [first, second]


def test_a_session_that_expired_is_restored_by_the_next_request(client_of):
    farewell = Error(0, "expired", "The session was not used for a while.")
    server = ScriptedBackend(cuts=[OPENING], farewell=farewell)
    with serving(server) as url:
        client = client_of(url)
        client.open_volume(VOXELS, SPACING)
        run(client, lambda got: farewell in got)
        for _ in range(20):
            client.pump()
            client.wait(0.01)
        assert (client.state, client.busy, len(server.heard)) == (ClientState.READY, False, 1)
        run_to_end(client, client.prompt("a", "k", Prompt(1, ((1, 2, True),))))
        assert len(server.heard) == 2
        client.close()


def test_a_wrong_token_is_a_failure_in_the_server_s_words(client_of):
    server = ScriptedBackend()
    with serving(server) as url:
        client = client_of(url, "wrong")
        client.open_volume(VOXELS, SPACING)
        run_to_failure(client)
    assert (client.failure.code, str(client.failure)) == ("unauthorised", "No such token. Ask for one.")
    assert len(server.heard) == 1


def test_a_server_that_talks_nonsense(client_of):
    def handler(connection) -> None:
        connection.send(b"nonsense")
        connection.recv()

    with serving(handler) as url:
        client = client_of(url)
        run_to_failure(client)
    assert client.failure.code == "bad_message"


def test_nobody_answers_the_first_time(client_of):
    with serving(ScriptedBackend()) as url:
        pass
    client = client_of(url)
    run_to_failure(client)
    assert (client.failure.code, "does not answer" in str(client.failure)) == ("unreachable", True)
