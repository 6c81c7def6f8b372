"""``medsam2 serve``: the backend process, for one computer or for a department."""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medsam2.cli.loading import nothing_is_garbage
from medsam2.cli.options import SpeedOption, ThreadsOption, examples
from medsam2.cli.stopping import leaves
from medsam2.errors import InputError
from medsam2.shortcuts import SPEEDS
from medsam2.threads import settle_threads

if TYPE_CHECKING:
    from medsam2.backend.tokens import Tokens


EXAMPLES = examples(
    "medsam2 serve --tokens tokens.txt --port 8765",
    "medsam2 serve --tokens tokens.txt --tls-certificate a.pem --tls-key b.pem",
)


def serve(
    local: Annotated[
        bool,
        typer.Option(
            "--local", help="For the program that started this: token on standard input, ends with it."
        ),
    ] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 0,
    tokens: Annotated[
        Path | None, typer.Option(help="File of those who may connect: NAME TOKEN per line.")
    ] = None,
    tls_certificate: Annotated[Path | None, typer.Option(help="PEM file.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file.")] = None,
    insecure_behind_proxy: Annotated[
        bool, typer.Option("--insecure-behind-proxy", help="A proxy on a trusted network does the TLS.")
    ] = False,
    weights: Annotated[str, typer.Option(help="Name from 'medsam2 weights list', or a file.")] = "starter",
    device: Annotated[str, typer.Option(help="Where to compute: auto, cpu, cuda or mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="Numbers to compute with: auto, fp32 or bf16.")] = "auto",
    speed: SpeedOption = "exact",
    threads: ThreadsOption = None,
    max_sessions: Annotated[int, typer.Option(min=1, help="Clients at a time.")] = 16,
    max_per_token: Annotated[int, typer.Option(min=1, help="Clients at a time with one token.")] = 4,
    max_volume: Annotated[int, typer.Option(min=1, help="MiB of one volume.")] = 4096,
    max_message: Annotated[int, typer.Option(min=2, help="MiB of one message.")] = 8,
    max_memory: Annotated[
        int | None, typer.Option(min=1, help="MiB of all volumes and features; 3/4 of memory if not given.")
    ] = None,
    max_features: Annotated[int, typer.Option(min=1, help="MiB of image features per client.")] = 512,
    idle_minutes: Annotated[float, typer.Option(min=0.01, help="An unused session ends after these.")] = 30,
) -> None:
    """Run the server that Slicer and the command segment talk to."""
    from medsam2.backend.address import Address
    from medsam2.backend.limits import MIB, SILENCE_SECONDS, ServerLimits

    if max_memory is not None and max_memory <= max_features:
        raise InputError("--max-memory leaves no room for a volume: give more than --max-features.")
    limits = ServerLimits(
        message_bytes=max_message * MIB,
        volume_bytes=max_volume * MIB,
        memory_bytes=None if max_memory is None else max_memory * MIB,
        feature_bytes=max_features * MIB,
        features_on_disk=local,  # a server writes nothing of its clients to disk
        sessions=max_sessions,
        sessions_per_token=max_per_token,
        idle_seconds=idle_minutes * 60,
        # The one program that a backend was started for may stop for long, as under a debugger.
        unread_seconds=math.inf if local else SILENCE_SECONDS,
    )
    address = Address(host, port, tls_certificate, tls_key, insecure_behind_proxy)
    address.check()
    known = _tokens(local, tokens)

    leaves("nobody was served yet")
    settle_threads(threads)
    # Importing torch takes seconds: only now that nothing is wrong.
    with nothing_is_garbage():
        from medsam2.backend.server import serve_until_stopped
        from medsam2.backend.service import load_service

        service = load_service(weights, device, precision, known, limits, SPEEDS[speed])
    serve_until_stopped(service, address, pings=not local)
    # Python takes seconds to take torch down, and nothing is left to be put away.
    os._exit(0)


def _tokens(local: bool, file: Path | None) -> "Tokens":
    from medsam2.backend.parent_watch import end_with_parent, token_from_parent
    from medsam2.backend.tokens import OneToken, TokenFile

    if local:
        token = token_from_parent()
        end_with_parent()
        return OneToken(token)
    if file is None:
        raise InputError("Say who may connect: give --tokens FILE with a line NAME TOKEN for each.")
    return TokenFile(file)
