"""The real server and raw messages: who comes in, what is refused, what requests are answered with."""

import json
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from e2e.server_process import ServerProcess, Talk, track, volume, wait_for
from medsam2.prompt import Prompt
from medsam2.protocol import (
    Cancel,
    Close,
    Done,
    Error,
    Forget,
    Hello,
    Mask,
    Progress,
    PromptRequest,
    Propagate,
    Ready,
    SliceShown,
    encode,
)

MIB = 2**20


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[ServerProcess]:
    """One for all tests here; messages up to 2 MiB, volumes up to 32."""
    server = ServerProcess(tmp_path_factory.mktemp("server"), "--max-message", 2, "--max-volume", 32)
    yield server
    server.kill()


@pytest.fixture
def talk(server) -> Iterator[Talk]:
    """A connection that is ready."""
    with server.welcomed() as talk:
        yield talk


def test_a_client_is_told_what_the_server_is(server):
    with server.connect() as talk:
        (ready,) = talk.ask(Hello(7, server.tokens["anna"], "test/1"))
    assert isinstance(ready, Ready)
    assert (ready.id, ready.device, ready.weights, ready.image_size) == (7, "cpu", "starter", 256)
    assert (ready.limits.message_bytes, ready.limits.volume_bytes) == (2 * MIB, 32 * MIB)


@pytest.mark.parametrize("token", ["", "wrong", "wrong-but-long-enough", "ä" * 20])
def test_a_wrong_or_missing_token_is_refused(server, token):
    with server.connect() as talk:
        (error,) = talk.ask(Hello(1, token))
        assert (error.code, error.id) == ("unauthorised", 1)
        assert error.hint
        assert talk.closed_with() == 1008


def test_without_hello_nothing_is_done(server):
    with server.connect() as talk:
        (error,) = talk.ask(Propagate(4, "k"))
        assert (error.code, error.id) == ("not_ready", 4)
        assert talk.closed_with() == 1001


def test_a_second_hello_is_not_understood(server, talk):
    (error,) = talk.ask(Hello(5, server.tokens["anna"]))
    assert error.code == "unknown_type"
    talk.open(volume())


@pytest.mark.parametrize(
    ("data", "code", "id"),
    [
        ("a text", "bad_message", 0),
        (b"", "bad_message", 0),
        (b"no message", "bad_message", 0),
        (b"\x83\xa1v\x02\xa4type\xa3fly\xa2id\x07", "unknown_type", 7),
        (b"\x83\xa1v\x03\xa4type\xa5close\xa2id\x07", "bad_version", 7),
        (b"\x84\xa1v\x02\xa4type\xa5close\xa2id\x07\xa1x\x01", "bad_message", 7),
        (encode(Ready(7, "", "", "", 1, None, ())), "bad_message", 7),
        (encode(Done(7)), "unknown_type", 7),
        (bytes(2 * MIB + 1), "too_large", 0),
    ],
)
def test_what_is_no_request_gets_an_error_and_the_session_lives(talk, data, code, id):
    talk.socket.send(data)
    error = talk.receive()
    assert isinstance(error, Error)
    assert (error.code, error.id) == (code, id)
    assert isinstance(talk.open(volume()), Done)


def test_a_message_far_above_the_limit_closes_the_connection(talk):
    # Its header is enough (final binary frame, masked, 64-bit length); the rest would not be read.
    talk.socket.socket.sendall(b"\x82\xff" + (8 * MIB + 1).to_bytes(8, "big") + bytes(4))
    assert talk.closed_with() == 1009


def test_another_path_is_not_found(server):
    with pytest.raises(InvalidStatus):
        connect(f"ws://127.0.0.1:{server.port}/other")
    assert server.get("/other")[0] == 404


def test_requests_before_a_volume_is_open_are_refused(talk):
    for request in (
        PromptRequest(4, "a", "k", Prompt(0, ((1.0, 1.0, True),))),
        Propagate(5, "k"),
        Forget(6, "a"),
    ):
        (error,) = talk.ask(request)
        assert (error.code, error.id) == ("no_volume", request.id)


def test_a_session_from_volume_to_forgotten_object(talk):
    assert talk.open(volume()).window == (0.0, 200.0)
    mask = talk.prompt()
    assert not mask.mask.is_empty
    assert 0 <= mask.iou <= 1
    answers = talk.ask(track(4))
    slices = [answer.slice_index for answer in answers if isinstance(answer, Mask)]
    assert slices == list(range(8))
    assert [answer for answer in answers if isinstance(answer, Progress)][-1] == Progress(4, 8, 8)
    assert answers[-1] == Done(4)
    assert talk.ask(Forget(5, "a")) == [Done(5)]
    (error,) = talk.ask(track(6))
    assert error.code == "bad_input"
    assert talk.ask(Close(7)) == [Done(7)]
    assert talk.closed_with() == 1000


def test_what_is_shown_is_never_answered(talk):
    talk.open(volume())
    talk.send(SliceShown(4, "k", 3), SliceShown(5, "j", 99), SliceShown(6, "k", -1))
    assert talk.ask(Forget(7, "a")) == [Done(7)]


def test_wrong_input_is_explained_and_the_session_lives(talk):
    talk.open(volume())
    (error,) = talk.ask(PromptRequest(3, "a", "k", Prompt(99, ((1.0, 1.0, True),))))
    assert error.code == "bad_input"
    assert "99" in error.message
    talk.prompt(id=4)


def test_after_a_cancel_at_most_one_mask_comes(talk):
    talk.open(volume(slices=16))
    talk.prompt()
    late = []
    for attempt in range(3):  # this process may itself be late in sending
        talk.send(track(10 + attempt))
        while not (isinstance(message := talk.receive(), Mask) and message.slice_index == 2):
            pass
        talk.send(Cancel(11 + attempt, 10 + attempt))
        *answers, end = talk.until_end(10 + attempt)
        assert end == Done(10 + attempt, "cancelled")
        late.append(sum(isinstance(answer, Mask) for answer in answers))
        if late[-1] <= 1:
            break
    assert late[-1] <= 1, late
    # What was cancelled can be done again.
    assert talk.ask(track(20, last=4))[-1] == Done(20)


def test_a_prompt_is_answered_while_a_track_goes_on(talk):
    talk.open(volume(slices=16))
    talk.prompt()
    talk.send(track(4))
    while not isinstance(talk.receive(), Mask):
        pass
    talk.send(PromptRequest(5, "a", "k", Prompt(14, ((16.0, 16.0, True),))))
    answers = list(talk.until_end(5))
    assert any(isinstance(answer, Mask) and answer.id == 5 for answer in answers)
    assert Done(4) not in answers
    assert list(talk.until_end(4))[-1] == Done(4)


def test_forgetting_ends_the_tracking_that_builds_on_it(talk):
    talk.open(volume(slices=16))
    talk.prompt()
    talk.send(track(4), Forget(5, "a"))
    answers = list(talk.until_end(5))
    assert Done(4, "cancelled") in answers


def test_a_revoked_token_ends_its_sessions_only(server, talk):
    with server.welcomed("bert") as bert:
        server.write_tokens("anna")
        try:
            error = bert.receive()
            assert (error.code, error.id) == ("unauthorised", 0)
            assert bert.closed_with() == 1008
            with server.connect() as again:
                assert again.ask(Hello(1, server.tokens["bert"]))[0].code == "unauthorised"
            talk.open(volume())
        finally:
            server.write_tokens("anna", "bert")


def test_health_and_metrics(server):
    assert server.get("/healthz") == (200, "ok")
    server.wait_until_alone()
    before = server.metrics()
    with server.welcomed() as talk:
        assert server.metrics()["medsam2_sessions",] == 1
        talk.open(volume())
        talk.prompt()
        talk.ask(track(4))
        talk.ask(PromptRequest(5, "a", "k", Prompt(99)))
    server.wait_until_alone()
    after = server.metrics()
    change = {key: value - before.get(key, 0) for key, value in after.items()}
    assert change["medsam2_jobs_total", "open", "finished"] == 1
    assert change["medsam2_jobs_total", "prompt", "finished"] == 1
    assert change["medsam2_jobs_total", "prompt", "failed"] == 1
    assert change["medsam2_jobs_total", "propagate", "finished"] == 1
    assert change["medsam2_errors_total", "bad_input"] == 1
    assert change["medsam2_slice_seconds_count", "propagate"] == 8
    assert change["medsam2_slice_seconds_sum", "propagate"] > 0
    assert after["medsam2_memory_bytes",] > 100 * MIB


def test_the_log_names_no_token_no_image_and_no_path(server):
    """Last, so that the log has seen everything."""
    with server.connect() as talk:
        talk.ask(Hello(1, "a-wrong-token-of-some-length"))
    with server.welcomed() as talk:
        talk.open(volume(), upload="/data/Doe^Jane.nrrd")
        talk.prompt(object_id="Doe^Jane tumour")
        talk.ask(Propagate(4, "k", ("Doe^Jane tumour", "another of Doe")))
        talk.socket.send(b"Doe")
    wait_for(lambda: server.log()[-1]["event"] == "disconnected")
    events = {line["event"] for line in server.log()}
    assert {"listening", "connected", "job", "failure", "disconnected"} <= events
    assert events <= {"listening", "connected", "job", "failure", "disconnected"}
    text = json.dumps(server.log())
    for secret in (*server.tokens.values(), "a-wrong-token", "Doe", "nrrd", str(server.token_file.parent)):
        assert secret not in text
    assert '"internal"' not in text
