import contextlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from medsam2.model.config import network_config
from medsam2.model.network import MedSAM2


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of weights of the test's own."""
    monkeypatch.setenv("MEDSAM2_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def random_state(preset: str, family: str) -> dict[str, Tensor]:
    torch.manual_seed(5)
    return dict(MedSAM2(network_config(preset, family)).state_dict())


@pytest.fixture(scope="session")
def starter_state() -> dict[str, Tensor]:
    return random_state("starter", "sam2.1")


@pytest.fixture(scope="session")
def tiny20_state() -> dict[str, Tensor]:
    return random_state("tiny", "sam2.0")


@pytest.fixture(scope="session")
def tiny21_state() -> dict[str, Tensor]:
    return random_state("tiny", "sam2.1")


@pytest.fixture
def starter_file(tmp_path: Path, starter_state: dict[str, Tensor]) -> Path:
    path = tmp_path / "trained.pt"
    torch.save({"model": starter_state}, path)
    return path


class FileServer(http.server.ThreadingHTTPServer):
    """Serves one file with Range and If-Range, and can break off, change or refuse it."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.etag: str | None = '"first"'
        self.redirect = False
        self.status: int | None = None
        self.break_off_after: int | None = None
        self.said_length: str | None = None
        self.endless = False
        self.skips = 0
        self.ranges: list[str | None] = []
        self.sent = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/weights.pt"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        server = self.server
        if server.redirect and self.path == "/weights.pt":
            self.send_response(302)
            self.send_header("Location", "/elsewhere/weights.pt")
            self.end_headers()
            return
        asked = self.headers.get("Range")
        server.ranges.append(asked)
        if server.status:
            self.send_error(server.status)
            return
        start = 0
        if asked and self.headers.get("If-Range") == server.etag:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start and start >= len(server.content):
            self.send_error(416)
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header(
                "Content-Range",
                f"bytes {start + server.skips}-{len(server.content) - 1}/{len(server.content)}",
            )
        if not server.endless:
            self.send_header("Content-Length", server.said_length or str(len(body)))
        if server.etag:
            self.send_header("ETag", server.etag)
        self.end_headers()
        body = body[: server.break_off_after]
        with contextlib.suppress(ConnectionError):  # the client may hang up
            for _ in range(100 if server.endless else 1):
                self.wfile.write(body)
                server.sent += len(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def file_server(starter_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = FileServer(starter_file.read_bytes())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
