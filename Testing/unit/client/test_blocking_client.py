"""Methods that wait for their answers."""

import threading

import pytest

from medsam2.client import BlockingClient, ClientError, connect
from medsam2.prompt import Prompt
from medsam2.protocol import Cancel, Done, Error, Mask, Progress, Propagate, decode, encode
from unit.client.scripted_server import OPENING, ScriptedBackend, serving
from unit.client.spoken import SPACING, VOXELS, mask, ready

SECONDS = 20.0


def test_an_ordinary_session():
    server, progress = ScriptedBackend(), []
    with serving(server) as url, connect(url, "secret") as client:
        assert client.ready.device == "cpu"
        assert client.open_volume(VOXELS, SPACING, on_progress=lambda *step: progress.append(step)) == (
            0.0,
            1.0,
        )
        answer = client.prompt("a", "k", Prompt(3, ((1, 2, True),)))
        assert (type(answer), answer.slice_index) == (Mask, 3)
        assert [one.slice_index for one in client.propagate("k", ["a"])] == list(range(10))
        client.forget("a")
    assert progress[0] == (0, VOXELS.nbytes)
    assert progress[-1] == (VOXELS.nbytes, VOXELS.nbytes)


def test_a_prompt_while_masks_are_streaming():
    with serving(ScriptedBackend()) as url, connect(url, "secret") as client:
        client.open_volume(VOXELS, SPACING)
        masks = client.propagate("k", ["a"])
        first = next(masks)
        assert client.prompt("b", "k", Prompt(3, ((1, 2, True),))).object_id == "b"
        assert [one.slice_index for one in (first, *masks)] == list(range(10))


def test_a_lost_connection_is_not_noticed():
    server = ScriptedBackend(cuts=[OPENING + 4])
    with serving(server) as url, connect(url, "secret") as client:
        client.open_volume(VOXELS, SPACING)
        masks = list(client.propagate("k", ["a"]))
    assert [one.slice_index for one in masks[-10:]] == list(range(10))
    assert len(server.heard) == 2


def test_errors_are_raised():
    def handler(connection) -> None:
        for data in connection:
            message = decode(data)
            refusal = Error(message.id, "no_volume", "No volume is open.", "Open a volume first.")
            connection.send(encode(ready(message.id) if message.id == 1 else refusal))

    with serving(handler) as url, connect(url, "secret") as client:
        for request in (
            lambda: client.open_volume(VOXELS, SPACING),
            lambda: client.prompt("a", "k", Prompt(1)),
            lambda: list(client.propagate("k")),
            lambda: client.forget("a"),
        ):
            with pytest.raises(ClientError) as caught:
                request()
            assert caught.value.code == "no_volume"
            assert str(caught.value) == "No volume is open. Open a volume first."


class Endless:
    """Tracks until it is cancelled, and then finishes the slice in flight."""

    def __init__(self):
        self.cancelled = threading.Event()

    def __call__(self, connection) -> None:
        job = 0
        for data in connection:
            message = decode(data)
            if isinstance(message, Propagate):
                job = message.id
                connection.send(encode(mask(job, "a", 0)))
                connection.send(encode(mask(job, "a", 1)))
            elif isinstance(message, Cancel):
                self.cancelled.set()
                connection.send(encode(mask(message.job, "a", 2)))
                connection.send(encode(Done(message.job, "cancelled")))
            else:
                connection.send(encode(ready(message.id) if message.id == 1 else Done(message.id)))


def test_leaving_the_masks_cancels_the_job_and_takes_what_still_comes():
    server = Endless()
    with serving(server) as url, connect(url, "secret") as client:
        masks = client.propagate("k")
        next(masks)
        masks.close()
        assert server.cancelled.is_set()
        client.forget("a")


def test_an_interrupt_while_masks_are_streaming_cancels_too():
    server = Endless()
    with serving(server) as url, connect(url, "secret") as client:
        masks = client.propagate("k")
        next(masks)
        with pytest.raises(KeyboardInterrupt):
            masks.throw(KeyboardInterrupt())
        assert server.cancelled.is_set()


def test_a_job_that_the_server_ends_early_is_an_error_not_a_short_result():
    def handler(connection) -> None:
        for data in connection:
            message = decode(data)
            if message.id == 1:
                connection.send(encode(ready(1)))
            else:
                connection.send(encode(mask(message.id, "a", 0)))
                connection.send(encode(Progress(message.id, 1, 10)))
                connection.send(encode(Done(message.id, "cancelled")))

    with serving(handler) as url, connect(url, "secret") as client, pytest.raises(ClientError) as caught:
        list(client.propagate("k"))
    assert caught.value.code == "cancelled"


def test_a_failure_is_raised_by_every_request():
    with serving(ScriptedBackend()) as url, connect(url, "wrong") as client:
        for request in (
            lambda: client.ready,
            lambda: list(client.propagate("k")),
            lambda: client.forget("a"),
        ):
            with pytest.raises(ClientError) as caught:
                request()
            assert caught.value.code == "unauthorised"


def test_a_client_that_was_closed():
    with serving(ScriptedBackend()) as url:
        with connect(url, "secret") as client:
            client.open_volume(VOXELS, SPACING)
        with pytest.raises(ClientError) as caught:
            client.forget("a")
    assert caught.value.code == "closed"


def test_a_volume_that_cannot_be_restored_is_raised():
    def handler(connection) -> None:
        number = handler.connections = handler.connections + 1
        for data in connection:
            message = decode(data)
            if message.id == 1:
                connection.send(encode(ready(1)))
            elif number == 1:
                connection.send(encode(Done(message.id, window=(0.0, 1.0))))
                connection.close()
            else:
                connection.send(encode(Error(message.id, "too_large", "The volume is too large.")))

    handler.connections = 0
    with serving(handler) as url, connect(url, "secret") as client:
        client.open_volume(VOXELS, SPACING)
        with pytest.raises(ClientError, match="too large"):
            client.prompt("a", "k", Prompt(1, ((1, 2, True),)))


class CountedBackend:
    """Notes whether it was stopped."""

    token, remote, waits, help = "", False, (), ""
    state = None
    stopped = False

    def start(self) -> None:
        """Nothing."""

    def dismiss(self) -> None:
        pass

    def stop(self, patience: float = 0.5, keep_log: bool = False) -> None:
        self.stopped = True


def test_an_interrupt_leaves_no_backend():
    backend = CountedBackend()
    with pytest.raises(KeyboardInterrupt), BlockingClient(backend):
        raise KeyboardInterrupt
    assert backend.stopped
