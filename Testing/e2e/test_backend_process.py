"""The real backend process and the client: crashes, cut connections, ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import psutil
import pytest

from e2e.conftest import ENVIRONMENT
from e2e.server_process import files_without_a_name, linux
from medsam2.cli.phantom import central_click, make_phantom
from medsam2.client import (
    BlockingClient,
    ClientError,
    LocalBackend,
    PolledClient,
    RemoteBackend,
    blocking_client,
    connect,
)
from medsam2.prompt import Prompt
from medsam2.propagation_options import PropagationOptions
from medsam2.protocol import Done, Error, Mask

SECONDS = 120.0
"""Nothing here takes so long."""
EARLIER: set[psutil.Process] = set()
posix = pytest.mark.skipif(os.name != "posix", reason="Signals are sent.")
SERVE = [sys.executable, "-m", "medsam2.cli.main", "serve", "--local"]

PHANTOM = make_phantom()
VOXELS, SPACING = PHANTOM.volume.voxels, PHANTOM.volume.geometry.spacing
SLICE, *PLACE = central_click(PHANTOM.labels["liver"])
CLICK = ((*PLACE, True),)

CLIENT = """
import signal
# As in a terminal: a job in the background of a script is started with this signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
import sys
import numpy as np
from medsam2.client import BlockingClient, LocalBackend
from medsam2.prompt import Prompt
from medsam2.propagation_options import PropagationOptions
voxels = np.random.default_rng(0).integers(0, 200, (200, 96, 96)).astype(np.int16)
with BlockingClient(LocalBackend(log_path=sys.argv[1])) as client:
    client.open_volume(voxels, (1, 1, 1), window=(0, 200))
    client.prompt("a", "k", Prompt(0, ((48, 48, True),)))
    for mask in client.propagate("k", options=PropagationOptions(absent_stop=None)):
        print(mask.slice_index, flush=True)
"""


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """Children compute on one thread, and see no weights but those that ship."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("MEDSAM2_HOME", str(tmp_path / "home"))
    # What tests of other files have left behind is none of ours.
    monkeypatch.setattr(sys.modules[__name__], "EARLIER", set(psutil.Process().children(recursive=True)))


@pytest.fixture
def client() -> Iterator[BlockingClient]:
    """A client of a process of its own."""
    with BlockingClient(LocalBackend()) as started:
        yield started


def pumped(client: PolledClient, until: Callable[[list], object]) -> list:
    """Pump until a condition on the messages holds; returns them."""
    messages, deadline = [], time.monotonic() + SECONDS
    while not until(messages):
        assert time.monotonic() < deadline, (client.state, client.failure)
        messages += client.pump()
        client.wait(0.1)
    return messages


def backends_of(pid: int) -> list[psutil.Process]:
    """Backend processes below a process."""
    below = psutil.Process(pid).children(recursive=True)
    return [process for process in below if process not in EARLIER and "--local" in process.cmdline()]


def cut(client: BlockingClient) -> None:
    """Lose the connection under a client's hands."""
    client._client._link._opened.socket.shutdown(socket.SHUT_RDWR)


def tracked(client: BlockingClient, disturb: Callable[[int], None] = lambda _: None) -> dict:
    """Masks of the liver by slice; ``disturb`` is called with the number of each that comes."""
    client.open_volume(VOXELS, SPACING, "CT")
    client.prompt("liver", "k", Prompt(SLICE, CLICK))
    masks: dict[int, Mask] = {}
    stretch = PropagationOptions(first=SLICE - 6, last=SLICE + 6)
    for number, mask in enumerate(client.propagate("k", options=stretch)):
        masks[mask.slice_index] = mask
        disturb(number)
    return {index: mask.mask.full(VOXELS.shape[1:]) for index, mask in masks.items()}


def at(number: int, act: Callable[[], None]) -> Callable[[int], None]:
    """Do something once, when that many masks have come."""
    left = [number]
    return lambda now: act() if left and left[0] == now and left.pop() else None


def assert_same(one: dict, other: dict) -> None:
    assert one.keys() == other.keys()
    assert len(one) > 10
    for index, mask in one.items():
        np.testing.assert_array_equal(mask, other[index])


@pytest.fixture(scope="module")
def undisturbed() -> dict:
    """The masks when nothing happens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        with BlockingClient(LocalBackend()) as client:
            return tracked(client)


@linux
def test_features_beyond_the_memory_lie_in_a_file_without_a_name(monkeypatch, tmp_path, undisturbed):
    monkeypatch.setattr("medsam2.client.local_backend.FEATURE_MIB", 1)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with BlockingClient(LocalBackend()) as client:
        assert client.ready.weights == "starter"
        (backend,) = backends_of(os.getpid())
        named = set(tmp_path.iterdir())
        assert_same(tracked(client), undisturbed)
        assert len(files_without_a_name(backend.pid, tmp_path)) == 1
        assert set(tmp_path.iterdir()) == named
        client.open_volume(VOXELS, SPACING, "CT")
        assert files_without_a_name(backend.pid, tmp_path) == []


@posix
def test_killed_in_the_middle_of_a_track(client, undisturbed):
    assert client.ready.weights == "starter"
    (backend,) = backends_of(os.getpid())
    assert_same(tracked(client, at(8, backend.kill)), undisturbed)
    (another,) = backends_of(os.getpid())
    assert another.pid != backend.pid


@posix
def test_killed_and_then_told_to_stop_in_one_track(client, undisturbed):
    disturbances = {3: "kill", 8: "terminate"}

    def disturb(number: int) -> None:
        if number in disturbances:
            getattr(backends_of(os.getpid())[0], disturbances.pop(number))()

    assert_same(tracked(client, disturb=disturb), undisturbed)
    assert not disturbances


def corrected(client: BlockingClient, disturb: Callable[[], None] = lambda: None) -> dict:
    """Masks by slice after a click that takes away from a tracked slice, and tracking from there."""
    index = SLICE + 2
    rows, columns = np.nonzero(tracked(client)[index])
    corner = (float(rows[0]), float(columns[0]), False)
    disturb()
    masks = {index: client.prompt("liver", "k", Prompt(index, (corner,)))}
    for mask in client.propagate("k", options=PropagationOptions(index, "backward", first=SLICE - 9)):
        masks[mask.slice_index] = mask
    return {index: mask.mask.full(VOXELS.shape[1:]) for index, mask in masks.items()}


@posix
def test_what_follows_a_crash_is_as_if_there_had_been_none(client):
    undisturbed = corrected(client)
    assert_same(corrected(client, lambda: backends_of(os.getpid())[0].kill()), undisturbed)


@posix
def test_a_client_that_is_killed_leaves_no_backend(tmp_path):
    script = [sys.executable, "-c", CLIENT, str(tmp_path / "log")]
    program = subprocess.Popen(script, stdout=subprocess.PIPE, env=ENVIRONMENT)
    assert program.stdout.readline()
    backends = backends_of(program.pid)
    assert backends
    program.kill()
    program.wait()
    _, left = psutil.wait_procs(backends, timeout=10)
    assert not left


@posix
def test_an_interrupted_client_leaves_no_backend(tmp_path):
    script = [sys.executable, "-c", CLIENT, str(tmp_path / "log")]
    program = subprocess.Popen(script, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
    assert program.stdout.readline()
    backends = backends_of(program.pid)
    program.send_signal(signal.SIGINT)
    _, errors = program.communicate(timeout=SECONDS)
    assert b"KeyboardInterrupt" in errors
    _, left = psutil.wait_procs(backends, timeout=10)
    assert not left


def test_a_connection_cut_in_the_middle_of_a_stream(client, undisturbed):
    assert_same(tracked(client, at(8, lambda: cut(client))), undisturbed)
    assert len(backends_of(os.getpid())) == 1


def test_a_connection_cut_in_the_middle_of_an_upload(client, monkeypatch):
    # Else all of the volume may have left before the client comes to hear of its first part.
    monkeypatch.setattr(blocking_client, "BUDGET", 0.002)
    voxels = np.random.default_rng(0).integers(-1000, 1000, (128, 512, 512)).astype(np.int16)
    steps = []

    def on_progress(done: int, total: int) -> None:
        steps.append(done)
        if len(steps) == 2:
            cut(client)

    client.open_volume(voxels, (1, 1, 1), window=(-100, 200), on_progress=on_progress)
    assert steps[0] == 0
    # It went on from what the server had, which is not less than it said before.
    assert steps == sorted(steps)
    assert steps[-1] == voxels.nbytes
    assert client.prompt("a", "k", Prompt(3, ((256, 256, True),))).slice_index == 3


def test_a_cancelled_upload_goes_on_when_the_volume_is_opened_again():
    voxels = np.random.default_rng(0).integers(-1000, 1000, (64, 512, 512)).astype(np.int16)
    client = PolledClient(LocalBackend())
    client.start()
    first = client.open_volume(voxels, (1, 1, 1), window=(-100, 200))
    pumped(client, lambda got: sum(message.id == first for message in got) == 2)
    client.cancel(first)
    pumped(client, lambda got: Done(first, "cancelled") in got)
    again = client.open_volume(voxels, (1, 1, 1), window=(-100, 200))
    messages = pumped(client, lambda got: any(isinstance(message, Done) for message in got))
    start = next(message for message in messages if message.id == again)
    assert 0 < start.done < start.total
    client.close()


@contextmanager
def server(port: int = 0) -> Iterator[tuple[subprocess.Popen, str]]:
    """A backend process that the test itself started, and its address; the token is ``secret``."""
    command = [*SERVE, "--port", str(port)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT)
    try:
        process.stdin.write(b"secret\n")
        process.stdin.flush()
        port = json.loads(process.stdout.readline())["port"]
        yield process, f"ws://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


@posix
def test_sigterm_tells_the_client_and_ends_in_order():
    with server() as (process, url):
        client = PolledClient(RemoteBackend(url, "secret"))
        client.start()
        client.open_volume(VOXELS, SPACING, "CT")
        client.prompt("liver", "k", Prompt(SLICE, CLICK))
        job = client.propagate("k", options=PropagationOptions(absent_stop=None))
        messages = pumped(client, lambda got: any(isinstance(m, Mask) and m.id == job for m in got))
        process.send_signal(signal.SIGTERM)
        messages += pumped(client, lambda got: any(isinstance(m, Error) for m in got))
        (error,) = [message for message in messages if isinstance(message, Error)]
        assert (error.id, error.code) == (0, "shutting_down")
        assert not [m for m in messages if isinstance(m, Done) and m.id == job]
        assert process.wait(SECONDS) == 0
        client.close()


@posix
def test_a_server_s_restart_in_the_middle_of_a_track(undisturbed):
    with server() as (first, url), ExitStack() as later:

        def restart() -> None:
            first.terminate()
            assert first.wait(SECONDS) == 0
            later.enter_context(server(int(url.rpartition(":")[2])))

        with connect(url, "secret") as client:
            assert_same(tracked(client, at(6, restart)), undisturbed)


def test_a_wrong_token():
    with server() as (_, url), connect(url, "wrong") as client, pytest.raises(ClientError) as caught:
        client.open_volume(VOXELS, SPACING)
    assert caught.value.code == "unauthorised"


def test_unknown_weights_give_one_sentence():
    with BlockingClient(LocalBackend(weights="none")) as client, pytest.raises(ClientError) as caught:
        client.open_volume(VOXELS, SPACING)
    assert caught.value.hint == ""
    assert "none" in str(caught.value)
    assert "\n" not in str(caught.value)
