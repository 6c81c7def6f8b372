"""``medsam2 serve`` as a process of its own, and raw conversations with it."""

import contextlib
import json
import os
import re
import secrets
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from e2e.conftest import ENVIRONMENT
from medsam2.prompt import Prompt
from medsam2.propagation_options import PropagationOptions
from medsam2.protocol import (
    Done,
    Error,
    Hello,
    Mask,
    Message,
    OpenVolume,
    Progress,
    PromptRequest,
    Propagate,
    Ready,
    chunks,
    decode,
    encode,
)

SERVER_SECONDS = 180.0
"""Seconds after which a test fails; nothing takes nearly as long, even on a busy machine."""
SERVE = [sys.executable, "-m", "medsam2.cli.main", "serve"]
ENDS = (Done, Error, Ready)
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="What is open is asked of Linux.")


def files_without_a_name(pid: int, folder: Path) -> list[str]:
    """What a process has open in a folder that has no file of that name."""
    links = [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
    return [link for link in links if link.startswith(str(folder)) and link.endswith("(deleted)")]


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SERVER_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


class ServerProcess:
    """A running server with tokens for anna and bert; made once it is ready.

    Args:
        folder: for the token file and the log.
        options: of ``medsam2 serve``.
        prepare: Python lines that it runs before anything else.
    """

    def __init__(self, folder: Path, *options: str, prepare: str = ""):
        self.tokens = {name: secrets.token_urlsafe(24) for name in ("anna", "bert")}
        self.token_file = folder / "tokens"
        self.write_tokens(*self.tokens)
        self.log_file = folder / "server.log"
        self.tls: ssl.SSLContext | None = None
        environment = {**ENVIRONMENT, "MEDSAM2_HOME": str(folder / "home")}
        program = f"{prepare}\nfrom medsam2.cli.main import run\nrun()"
        command = [sys.executable, "-c", program, "serve"] if prepare else SERVE
        with self.log_file.open("w") as log:
            self.process = subprocess.Popen(
                [*command, "--tokens", str(self.token_file), *map(str, options)],
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                cwd=folder,
            )
        line = self.process.stdout.readline()
        assert line, self.log_file.read_text()
        self.port = json.loads(line)["port"]

    @property
    def memory(self) -> int:
        """Bytes of memory that the process has in use."""
        return psutil.Process(self.process.pid).memory_info().rss

    def write_tokens(self, *names: str) -> None:
        """Let in these only."""
        self.token_file.touch(0o600)
        self.token_file.write_text("".join(f"{name} {self.tokens[name]}\n" for name in names))

    def connect(self, **options) -> "Talk":
        """A connection that has not said hello."""
        scheme = "ws" if self.tls is None else "wss"
        host = "127.0.0.1" if self.tls is None else "localhost"
        return Talk(f"{scheme}://{host}:{self.port}/session", ssl=self.tls, **options)

    def welcomed(self, name: str = "anna", **options) -> "Talk":
        """A connection that is ready."""
        talk = self.connect(**options)
        assert isinstance(talk.ask(Hello(1, self.tokens[name], "test/1"))[-1], Ready)
        return talk

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of a page."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}{path}", timeout=SERVER_SECONDS
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self) -> dict[tuple, float]:
        """Values by name and labels."""
        families = text_string_to_metric_families(self.get("/metrics")[1])
        samples = [sample for family in families for sample in family.samples]
        return {(sample.name, *sample.labels.values()): sample.value for sample in samples}

    def wait_until_alone(self) -> None:
        """Wait until no client is connected and no job is left."""
        wait_for(lambda: self.metrics()["medsam2_sessions",] == self.metrics()["medsam2_queue",] == 0)

    def log(self) -> list[dict]:
        """Its lines; a line that is no JSON fails the test."""
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.process.terminate()
        return self.process.wait(SERVER_SECONDS)

    def kill(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Talk:
    """One WebSocket; messages as they are."""

    def __init__(self, url: str, **options):
        options = {"compression": None, "max_size": None, "open_timeout": SERVER_SECONDS, **options}
        self._connecting = connect(url, **options)
        self.socket = self._connecting.__enter__()

    def __enter__(self) -> "Talk":
        return self

    def __exit__(self, *exception) -> None:
        self._connecting.__exit__(*exception)

    def send(self, *messages: Message) -> None:
        for message in messages:
            self.socket.send(encode(message))

    def receive(self, timeout: float = SERVER_SECONDS) -> Message:
        return decode(self.socket.recv(timeout))

    def until_end(self, id: int) -> Iterator[Message]:
        """All messages up to the one that ends a request."""
        while True:
            message = self.receive()
            yield message
            if isinstance(message, ENDS) and message.id == id:
                return

    def ask(self, request: Message) -> list[Message]:
        """A request and all messages up to its end."""
        self.send(request)
        return list(self.until_end(request.id))

    def open(
        self, voxels: np.ndarray, id: int = 2, upload: str | None = None, piece: int = 2**20, **options
    ) -> Done:
        """Upload and open a volume; the server may hold a part of it."""
        upload = upload or secrets.token_hex(8)
        options = {"spacing": (2.0, 1.0, 1.0), "window": (0.0, 200.0), **options}
        self.send(OpenVolume(id, upload, voxels.shape, voxels.dtype.name, **options))
        held = self.receive()
        assert isinstance(held, Progress), held
        self.send(*chunks(id, voxels, piece, options.get("compression", "none"), held.done))
        *_, end = self.until_end(id)
        assert isinstance(end, Done), end
        return end

    def prompt(
        self, id: int = 3, slice_index: int = 0, object_id: str = "a", points=((16.0, 16.0, True),)
    ) -> Mask:
        """Click the middle of a slice along k."""
        mask, end = self.ask(PromptRequest(id, object_id, "k", Prompt(slice_index, points), "slice"))
        assert end == Done(id)
        return mask

    def closed_with(self) -> int:
        """The code with which the server closes; messages before that are dropped."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.socket.recv(SERVER_SECONDS)
        return self.socket.close_code


def volume(slices: int = 8, side: int = 32, seed: int = 0) -> np.ndarray:
    """Noise round a bright column along k."""
    rng = np.random.default_rng(seed)
    voxels = rng.integers(0, 60, (slices, side, side)).astype(np.int16)
    voxels[:, side // 4 : -side // 4, side // 4 : -side // 4] += 120
    return voxels


def track(id: int, **options) -> Propagate:
    """Through the whole volume, whether the object is there or not."""
    return Propagate(id, "k", options=PropagationOptions(absent_stop=None, **options))


def refused(*options: object) -> str:
    """The one sentence with which ``medsam2 serve`` refuses to start."""
    answer = subprocess.run(
        [*SERVE, *map(str, options)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=ENVIRONMENT,
        timeout=SERVER_SECONDS,
    )
    assert answer.returncode == 2, answer
    assert answer.stdout == ""
    (line,) = answer.stderr.splitlines()
    assert re.fullmatch(r"medsam2: .*\w\.", line), line
    return line
