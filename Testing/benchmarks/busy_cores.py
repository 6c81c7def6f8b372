"""Tracking in the backend process while another program keeps all cores busy, beside tracking alone."""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from benchmarks.backend_speed import CENTRE, TRACK, open_volume
from benchmarks.ct_like import ct_like_volume
from benchmarks.machine import seconds_of
from medsam2.client import BlockingClient, LocalBackend
from medsam2.prompt import Prompt
from medsam2.volume import Volume
from medsam2_lab.result_tables import ResultTable, measured

SLICES = 20
SPIN = """
import multiprocessing, os
for _ in range(os.cpu_count()):
    multiprocessing.Process(target=exec, args=("while True: pass",), daemon=True).start()
input()
"""
LOOK_OUT = {"GOMP_SPINCOUNT": "300000", "KMP_BLOCKTIME": "200"}
"""How long OpenMP's threads look out for work when nobody says."""


@contextmanager
def all_cores_busy() -> Iterator[None]:
    """Another program, as anyone may have: it computes on as many threads as there are cores."""
    command = [sys.executable, "-c", SPIN]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as program:
        try:
            yield
        finally:
            program.communicate(b"\n")  # its processes end with it


def track(client: BlockingClient, volume: Volume) -> float:
    """Seconds of a prompt and a track through the volume, nothing of it known before."""
    open_volume(client, volume)

    def run() -> None:
        client.prompt("object", "k", Prompt(0, (CENTRE,)), "slice")
        for _ in client.propagate("k", options=TRACK):
            pass

    return seconds_of(run)[0]


def tables(rounds: int) -> dict[str, ResultTable]:
    """So many turns, taken in alternation, beside the goals."""
    volume = ct_like_volume(SLICES)
    alone, beside, looking_out = [], [], []
    with patch.dict(os.environ, LOOK_OUT):
        other = BlockingClient(LocalBackend())
        other.__enter__()
        assert other.ready  # started with these variables
    with other, BlockingClient(LocalBackend()) as client:
        track(client, volume), track(other, volume)  # warm up
        for _ in range(rounds):
            alone.append(track(client, volume))
            looking_out.append(track(other, volume))
            with all_cores_busy():
                beside.append(track(client, volume))
    quiet, others = statistics.median(alone), statistics.median(looking_out)
    rows = [
        ResultTable.spread(f"{SLICES}-slice track, starter, alone, s", alone, ""),
        ResultTable.spread(
            "beside a program that keeps all cores busy / alone", [each / quiet for each in beside], "2.5"
        ),
        ResultTable.spread(
            "alone / with OpenMP's own way of waiting", [each / others for each in alone], "1.1"
        ),
    ]
    columns = {"": None, "median": 2, "least": 2, "most": 2, "goal": None}
    return {"busy_cores": ResultTable(measured("Testing/benchmarks/busy_cores.py", rounds), columns, rows)}
