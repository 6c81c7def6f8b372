"""How a server starts, refuses to start, holds its limits, and ends."""

import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psutil
import pytest
import SimpleITK
from websockets.exceptions import InvalidHandshake
from websockets.sync.client import connect

from e2e.conftest import ENVIRONMENT
from e2e.server_process import (
    SERVE,
    SERVER_SECONDS,
    ServerProcess,
    files_without_a_name,
    linux,
    refused,
    track,
    volume,
)
from medsam2.prompt import Prompt
from medsam2.protocol import Done, Error, Hello, Mask, OpenVolume, PromptRequest, chunks
from unit.client.certificates import self_signed

MIB = 2**20


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., ServerProcess]]:
    """Start servers, which end with the test."""
    with ExitStack() as started:

        def start(*options) -> ServerProcess:
            server = ServerProcess(tmp_path, *options)
            started.callback(server.kill)
            return server

        yield start


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "tokens"
    path.touch(0o600)
    path.write_text("anna 0123456789abcdef\n")
    return path


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org"])
def test_beyond_this_computer_it_does_not_start_without_tls(token_file, host):
    line = refused("--host", host, "--tokens", token_file)
    assert "unencrypted" in line
    assert "--tls-certificate" in line


def test_it_does_not_start_without_tokens():
    assert "--tokens" in refused("--host", "0.0.0.0", "--insecure-behind-proxy")


@pytest.mark.skipif(os.name != "posix", reason="Windows has no file modes.")
def test_it_does_not_start_with_tokens_that_others_can_read(token_file):
    token_file.chmod(0o644)
    assert "chmod 600" in refused("--tokens", token_file)


def test_it_does_not_start_with_limits_that_leave_no_room(token_file):
    assert "--max-features" in refused("--tokens", token_file, "--max-memory", 512)


def test_on_its_own_the_token_must_come_from_standard_input():
    answer = subprocess.run([*SERVE, "--local"], input=b"", capture_output=True, env=ENVIRONMENT)
    assert answer.returncode == 2
    assert b"standard input" in answer.stderr


def test_it_ends_with_its_parent_even_if_that_is_gone_before_it_is_ready():
    with subprocess.Popen(
        [*SERVE, "--local"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    ) as process:
        process.stdin.write(b"a-token-of-some-length\n")
        process.stdin.close()
        process.wait(SERVER_SECONDS)
        assert process.stdout.read() == b""


@pytest.fixture
def encrypted(start, tmp_path) -> ServerProcess:
    """A server with TLS; its certificate is ``certificate.pem``."""
    certificate, _ = self_signed(tmp_path)
    files = ("--tls-certificate", certificate, "--tls-key", tmp_path / "key.pem")
    server = start("--host", "0.0.0.0", *files)
    server.tls = ssl.create_default_context(cafile=str(certificate))
    return server


def test_with_tls_it_is_reached_over_tls_only(encrypted):
    with encrypted.welcomed() as talk:
        talk.open(volume(), compression="zstd")
        talk.prompt()
    with pytest.raises((InvalidHandshake, OSError, EOFError)):
        connect(f"ws://127.0.0.1:{encrypted.port}/session", open_timeout=SERVER_SECONDS).__enter__()


def test_the_command_line_computes_on_it(encrypted, medsam2, ball, tmp_path):
    token = tmp_path / "token"
    token.write_text(encrypted.tokens["anna"])
    options = ("--ijk", "--point", "20,24,4", "-o", tmp_path / "out.nrrd")
    place = ("--server", f"wss://localhost:{encrypted.port}", "--token-file", token)
    run = medsam2("segment", ball, *options, *place, "--ca-file", tmp_path / "certificate.pem")
    assert run.returncode == 0, run.stderr
    mask = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "out.nrrd")))
    assert mask[4, 24, 20] == 1
    (connected,) = [line for line in encrypted.log() if line["event"] == "connected"]
    assert re.fullmatch(r"medsam2 segment [\w.+]+", connected["client"])


def test_sessions_and_memory_are_limited_and_come_back(start):
    """Behind a proxy, and with room for two clients with a volume of some 64 MiB together."""
    limits = ("--max-sessions", 2, "--max-features", 1, "--max-memory", 64, "--max-volume", 1024)
    server = start("--host", "0.0.0.0", "--insecure-behind-proxy", *limits)
    first, second = server.welcomed(), server.welcomed("bert")
    with first:
        with second:
            with server.connect() as third:
                (error,) = third.ask(Hello(1, server.tokens["anna"]))
                assert error.code == "busy"
                assert error.hint
            spacing = (1.0, 1.0, 1.0)
            first.open(volume())
            assert second.ask(OpenVolume(2, "x", (63, 1024, 1024), "uint8", spacing))[-1].code == "busy"
            assert second.ask(OpenVolume(3, "x", (65, 1024, 1024), "uint8", spacing))[-1].code == "too_large"
            second.open(volume(), id=4)
            second.prompt(id=5)
        # What the second one had is free again, for a client and for a volume in place of the first one.
        server_has = lambda count: server.metrics()["medsam2_sessions",] == count  # noqa: E731
        while not server_has(1):
            pass
        with server.welcomed() as third:
            third.open(volume())
        while not server_has(1):
            pass
        first.send(OpenVolume(6, "y", (63, 1024, 1024), "uint8", spacing))
        assert first.receive().done == 0


@linux
def test_a_server_writes_no_features_to_disk(start, tmp_path, monkeypatch):
    monkeypatch.setitem(ENVIRONMENT, "TMPDIR", str(tmp_path))
    server = start("--max-features", 1)
    with server.welcomed() as talk:
        talk.open(volume())
        talk.prompt()
        assert len(talk.ask(track(4))) > 8
        assert files_without_a_name(server.process.pid, tmp_path) == []


def test_an_idle_session_expires_but_not_one_that_computes(start):
    server = start("--idle-minutes", 0.08)
    with server.welcomed() as busy:
        busy.open(volume(slices=64))
        busy.prompt()
        busy.send(*(track(id) for id in range(100, 200)))
        with server.welcomed("bert") as idle:
            error = idle.receive()
            assert (error.code, error.id) == ("expired", 0)
            assert error.hint
            assert idle.closed_with() == 1001
        assert busy.ask(PromptRequest(4, "a", "k", Prompt(1, ((16.0, 16.0, True),))))[-1] == Done(4)


@pytest.mark.skipif(os.name != "posix", reason="Signals are sent.")
def test_sigterm_finishes_the_slice_and_tells_everyone(start):
    server = start()
    voxels = volume(slices=64)
    with server.welcomed() as tracking, server.welcomed("bert") as uploading, server.welcomed() as silent:
        uploading.send(OpenVolume(2, "x", voxels.shape, "int16", (1.0, 1.0, 1.0)))
        uploading.send(next(chunks(2, voxels, 1024, "none")))
        uploading.receive()
        tracking.open(voxels)
        tracking.prompt()
        tracking.send(track(4), track(5))
        while not isinstance(tracking.receive(), Mask):
            pass
        server.process.send_signal(signal.SIGTERM)
        *masks, last = _all(tracking)
        # What is not finished has no end: the client sends it to the next server.
        assert not any(isinstance(message, Done) for message in masks)
        assert sum(isinstance(message, Mask) for message in masks) < 60
        for error in (last, _all(uploading)[-1], _all(silent)[-1]):
            assert (error.code, error.id) == ("shutting_down", 0)
            assert error.hint
        assert tracking.closed_with() == 1001
    assert server.process.wait(SERVER_SECONDS) == 0
    assert [line["event"] for line in server.log()].count("disconnected") == 3


def _all(talk) -> list:
    """All messages up to an error that concerns the connection."""
    messages = [talk.receive()]
    while not (isinstance(messages[-1], Error) and messages[-1].id == 0):
        messages.append(talk.receive())
    return messages


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux limits another process's memory.")
def test_without_memory_a_request_fails_and_the_session_goes_on(start):
    import resource

    server = start()
    pid = server.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_AS)
    with server.welcomed() as talk, server.welcomed("bert") as other:
        talk.open(volume())
        for name in "abc":
            talk.prompt(object_id=name)
        # In fp32 more than a server takes of what it keeps for itself in one piece.
        other.open(volume(slices=1, side=4096))
        resource.prlimit(pid, resource.RLIMIT_AS, (psutil.Process(pid).memory_info().vms, before[1]))
        # When a volume is announced, when a slice is made ready for the network, and inside the network.
        (error,) = other.ask(OpenVolume(7, "large", (256, 1024, 1024), "uint8", (1.0, 1.0, 1.0)))
        assert (error.code, error.id) == ("out_of_memory", 7)
        assert error.hint
        (error,) = other.ask(PromptRequest(8, "a", "k", Prompt(0, ((16.0, 16.0, True),))))
        assert (error.code, error.id) == ("out_of_memory", 8)
        end = talk.ask(track(9))[-1]  # may have found enough that was left over
        assert end == Done(9) or (end.code, end.id) == ("out_of_memory", 9)
        resource.prlimit(pid, resource.RLIMIT_AS, before)
        assert talk.ask(track(10))[-1] == Done(10)
        other.prompt(id=11)
    assert server.stop() == 0
