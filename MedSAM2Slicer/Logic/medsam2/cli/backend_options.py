"""Which backend the command line talks to: one that it starts, or a server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from medsam2 import __version__
from medsam2.cli.progress import stages
from medsam2.client import BlockingClient, ClientError, LocalBackend, RemoteBackend
from medsam2.errors import InputError
from medsam2.shortcuts import Speed
from medsam2.weights.choices import check_device_word, check_precision

TOKEN_VARIABLE = "MEDSAM2_TOKEN"


@dataclass(frozen=True)
class WhereToCompute:
    """The options that say so.

    Raises:
        InputError: a server is given, and what only it can choose; or none, and what is for one.
    """

    weights: str | None = None
    device: str | None = None
    precision: str | None = None
    speed: Speed = "exact"
    threads: int | None = None
    server: str | None = None
    token_file: Path | None = None
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        own = (self.weights, self.device, self.precision, self.speed == "fast", self.threads)
        if self.server is not None and any(own):
            raise InputError(
                "The server chooses weights, device, precision, speed and threads: leave those options out."
            )
        for option, file in (("--token-file", self.token_file), ("--ca-file", self.ca_file)):
            if self.server is None and file is not None:
                raise InputError(f"{option} is for a server: give --server, too, or leave it out.")

    def backend(self) -> LocalBackend | RemoteBackend:
        """A backend that is not started yet, as ``local_backend`` or ``server_backend`` makes it."""
        if self.server is not None:
            return server_backend(self.server, self.token_file, self.ca_file)
        return local_backend(self.weights, self.device, self.precision, self.speed, self.threads)


@contextmanager
def backend_client(backend: LocalBackend | RemoteBackend, command: str) -> Iterator[BlockingClient]:
    """A client of a backend that is ready; see ``starting_client``."""
    with starting_client(backend, command) as client:
        wait_until_ready(client, backend)
        yield client


@contextmanager
def starting_client(backend: LocalBackend | RemoteBackend, command: str) -> Iterator[BlockingClient]:
    """A client of a backend that gets ready meanwhile; what fails there is unusable input here.

    Args:
        backend: which one.
        command: who asks, such as ``segment``, for the server's log.

    Raises:
        InputError: the backend refused or failed, in one sentence.
    """
    try:
        with BlockingClient(backend, f"medsam2 {command} {__version__}") as client:
            yield client
    except ClientError as error:
        raise InputError(str(error)) from error


def wait_until_ready(client: BlockingClient, backend: LocalBackend | RemoteBackend) -> None:
    """Say for what, and wait.

    Raises:
        ClientError: the backend refused or failed.
    """
    with stages() as progress:
        is_own = isinstance(backend, LocalBackend)
        progress.begin("Loading the network" if is_own else "Connecting to the server")
        _ = client.ready


def local_backend(
    weights: str | None = None,
    device: str | None = None,
    precision: str | None = None,
    speed: Speed = "exact",
    threads: int | None = None,
) -> LocalBackend:
    """A backend process of this program's own, its options checked as far as that needs no torch.

    Raises:
        InputError: the weights are unknown or not installed, or there is no such device or precision.
    """
    if device is not None:
        check_device_word(device)
    if precision is not None:
        check_precision(precision)
    if weights is not None and weights != "starter":
        from medsam2.weights.store import find_weights  # the extra cli lacks what it needs

        find_weights(weights)
    return LocalBackend(
        weights=weights or "starter",
        device=device or "auto",
        precision=precision or "auto",
        speed=speed,
        threads=threads,
    )


def server_backend(url: str, token_file: Path | None, certificate: Path | None) -> RemoteBackend:
    """A server; its token comes from a file or the environment, never from the command line.

    Raises:
        InputError: there is no token, its file cannot be read, or the address is none.
    """
    token = os.environ.get(TOKEN_VARIABLE, "")
    if token_file is not None:
        try:
            token = token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"The token file {token_file} cannot be read: check its name.") from error
    if not token:
        raise InputError(f"The server wants a token: give --token-file, or set {TOKEN_VARIABLE}.")
    try:
        return RemoteBackend(url, token, None if certificate is None else str(certificate))
    except ClientError as error:
        raise InputError(str(error)) from error
