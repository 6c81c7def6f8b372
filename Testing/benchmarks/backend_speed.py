"""The backend process over loopback: start, upload, overhead, clicks, cancel, fair shares.

Everything runs through the real process and the client that Slicer and the command line use.
"""

import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from json import loads
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

import numpy as np
import torch
from safetensors.torch import save_file

from benchmarks.ct_like import SIZE, ct_like_volume
from benchmarks.machine import seconds_of
from medsam2.client import BlockingClient, LocalBackend, RemoteBackend
from medsam2.model.config import network_config
from medsam2.model.network import MedSAM2
from medsam2.prompt import Prompt
from medsam2.propagation_options import PropagationOptions
from medsam2.tracking import Tracker
from medsam2.tracking.feature_cache import AT_ONCE
from medsam2.volume import Volume, VolumeSlices
from medsam2.weights.loading import load_model
from medsam2_lab.result_tables import Cell, ResultTable, measured

LARGE_SLICES, TRACK_SLICES, CLICKS, CLIENTS = 300, 20, 40, 8
CENTRE = (SIZE / 2, SIZE / 2, True)
TRACK = PropagationOptions(direction="forward", absent_stop=None)


@contextmanager
def client_of(weights: str, volume: Volume) -> Iterator[BlockingClient]:
    """A client of a new backend process, with a volume open."""
    with BlockingClient(LocalBackend(weights=weights)) as client:
        open_volume(client, volume)
        yield client


def open_volume(client: BlockingClient, volume: Volume) -> list[int]:
    """Send a volume; returns how many bytes the backend said that it had, again and again."""
    held = []
    options = {"modality": "CT", "window": (-160, 240), "on_progress": lambda done, _: held.append(done)}
    client.open_volume(volume.voxels, volume.geometry.spacing, **options)
    return held


def random_tiny_512(folder: Path) -> str:
    """A weights file of the preset tiny_512 with random weights: speed does not depend on them."""
    torch.manual_seed(0)
    network = MedSAM2(network_config("tiny_512", "sam2.1"))
    path = folder / "tiny_512.safetensors"
    save_file(dict(network.state_dict()), path, {"preset": "tiny_512", "family": "sam2.1"})
    return str(path)


def start_seconds(rounds: int) -> list[float]:
    """From starting the process to its first answer."""
    tiny = ct_like_volume(1, 32)

    def start() -> float:
        started = time.perf_counter()
        with client_of("starter", tiny):
            return time.perf_counter() - started

    return [start() for _ in range(rounds)]


def upload_seconds(rounds: int) -> list[float]:
    """Sending 512 x 512 x 300 int16 voxels; the choice of a window, which scans them, left out."""
    volume = ct_like_volume(LARGE_SLICES)
    seconds = []
    with BlockingClient(LocalBackend()) as client:
        assert client.ready  # the start does not count
        for _ in range(rounds):
            copy = Volume(volume.voxels.copy(), volume.geometry, "CT")  # a new array is sent anew
            duration, held = seconds_of(lambda copy=copy: open_volume(client, copy))
            assert (held[0], held[-1]) == (0, copy.voxels.nbytes), "the backend had some of it before"
            seconds.append(duration)
    return seconds


def overhead(rounds: int) -> list[float]:
    """Seconds of a 20-slice track through the process over those of calling tracking directly."""
    volume = ct_like_volume(TRACK_SLICES)
    network = load_model("starter")

    def directly() -> None:
        tracker = Tracker(network, VolumeSlices(volume), absent_stop=None)
        tracker.prompt("object", Prompt(0, points=(CENTRE,)), field_of_view="slice")
        for _ in tracker.propagate(direction="forward"):
            pass

    with client_of("starter", volume) as client:

        def through_process() -> None:
            client.prompt("object", "k", Prompt(0, (CENTRE,)), "slice")
            for _ in client.propagate("k", options=TRACK):
                pass

        ratios = []
        for _ in range(rounds + 1):  # the first warms up
            direct = seconds_of(directly)[0]
            open_volume(client, volume)  # forgets features and objects
            ratios.append(seconds_of(through_process)[0] / direct)
    return ratios[1:]


def places() -> Iterator[tuple[float, float, bool]]:
    """Where people click: anywhere in the middle of a slice."""
    generator = np.random.default_rng(0)
    for _ in range(CLICKS):
        row, column = generator.uniform(0.35, 0.65, 2) * SIZE
        yield row, column, True


def encoded_clicks(weights: str) -> list[float]:
    """From a click on a slice that is encoded already to its mask."""
    volume = ct_like_volume(4)
    with client_of(weights, volume) as client:
        client.prompt("first", "k", Prompt(1, (CENTRE,)), "slice")
        time.sleep(4)  # the neighbours are encoded meanwhile
        seconds = []
        for number, place in enumerate(places()):
            click = Prompt(number % 4, (place,))
            seconds.append(seconds_of(lambda n=number, c=click: client.prompt(f"{n}", "k", c, "slice"))[0])
            time.sleep(0.05)
    return seconds


def first_clicks() -> list[float]:
    """From the first click on a slice that is shown, which also chooses the field of view, to its mask."""
    volume = ct_like_volume(CLICKS)
    with client_of("starter", volume) as client:
        seconds = []
        for index, place in enumerate(places()):
            client.shown("k", index)
            time.sleep(0.3)
            click = Prompt(index, (place,))
            seconds.append(seconds_of(lambda c=click: client.prompt(f"{c.slice_index}", "k", c, "auto"))[0])
    return seconds


def cancel_seconds(weights: str, rounds: int) -> tuple[list[float], float]:
    """From cancelling a track to its end; and the seconds of one slice of it."""
    volume = ct_like_volume(TRACK_SLICES)
    seconds, per_slice = [], []
    with client_of(weights, volume) as client:
        for number in range(rounds):
            client.prompt(f"{number}", "k", Prompt(0, (CENTRE,)), "slice")
            masks = client.propagate("k", (f"{number}",), TRACK)
            next(masks)
            per_slice += [seconds_of(lambda masks=masks: next(masks))[0] for _ in range(2 * AT_ONCE)]
            seconds.append(seconds_of(masks.close)[0])
            open_volume(client, volume)
    return seconds, statistics.fmean(per_slice)


@contextmanager
def server(folder: Path) -> Iterator[RemoteBackend]:
    """A server on loopback, for several clients."""
    token, tokens = token_hex(16), folder / "tokens"
    tokens.touch(mode=0o600)
    tokens.write_text(f"bench {token}\n")
    command = [sys.executable, "-m", "medsam2.cli.main", "serve", "--tokens", str(tokens)]
    command += ["--max-per-token", str(CLIENTS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        port = loads(process.stdout.readline())["port"]
        yield RemoteBackend(f"ws://127.0.0.1:{port}/session", token)
        process.terminate()


def fair_shares(folder: Path) -> list[int]:
    """Masks that each of eight clients has when the first one has all of its own."""
    volume, counts, shares = ct_like_volume(TRACK_SLICES), Counter(), []
    together = threading.Barrier(CLIENTS)

    def work(number: int, backend: RemoteBackend) -> None:
        with BlockingClient(backend) as client:
            open_volume(client, volume)
            client.prompt("object", "k", Prompt(0, (CENTRE,)), "slice")
            together.wait()
            for _ in client.propagate("k", options=TRACK):
                counts[number] += 1
            if not shares:
                shares.extend(counts[client] for client in range(CLIENTS))

    with server(folder) as backend:
        threads = [threading.Thread(target=work, args=(number, backend)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return shares


def tables(rounds: int) -> dict[str, ResultTable]:
    """All of it beside the goals."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        tiny = random_tiny_512(folder)
        cancels, slice_seconds = cancel_seconds(tiny, rounds)
        slices = [seconds / slice_seconds for seconds in cancels]
        tiny_clicks, first = encoded_clicks(tiny), first_clicks()
        rows = [
            _row("upload of 512 x 512 x 300 int16, s", upload_seconds(rounds), "0.6"),
            _row("20-slice track, process / direct", overhead(rounds), "1.03"),
            _row("click on an encoded slice, tiny_512, ms", _milliseconds(tiny_clicks), "60, p95 120"),
            _row("click on an encoded slice, starter, ms", _milliseconds(encoded_clicks("starter")), "30"),
            _row("first click with choice of the field of view, starter, ms", _milliseconds(first), "200"),
            _row("cancel to done, tiny_512, in slices", slices, "1"),
            _row("masks of each of 8 clients when the first has its 20", fair_shares(folder), "16 to 20"),
        ]
    columns = {"": None, "median": None, "least": None, "most": None, "p95": None, "goal": None}
    return {"backend": ResultTable(measured("Testing/benchmarks/backend_speed.py", rounds), columns, rows)}


def _row(label: str, values: list[float], goal: str) -> list[Cell]:
    _, *spread, _ = ResultTable.spread(label, values, goal)
    numbers = (*spread, round(float(np.percentile(values, 95)), 2))
    return [label, *(round(number) if number >= 10 else number for number in numbers), goal]


def _milliseconds(seconds: list[float]) -> list[float]:
    return [1000 * each for each in seconds]
