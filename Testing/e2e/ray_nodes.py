"""A Ray cluster of two nodes on this computer, of which nothing is left afterwards."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from e2e.conftest import ENVIRONMENT

RAY = {
    "PYTHONPATH": ENVIRONMENT["PYTHONPATH"],
    "OMP_NUM_THREADS": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
NODE = {"node_ip_address": "127.0.0.1", "num_cpus": 4, "object_store_memory": 80 * 2**20}
PATIENCE = 10.0
"""Seconds for processes to end by themselves."""


@contextmanager
def two_nodes() -> Iterator[str]:
    """Start the cluster; gives its address. This process is not connected to it."""
    before = set(_descendants())
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in RAY.items():
            patch.setenv(name, value)
            patch.setitem(ENVIRONMENT, name, value)  # of the commands that tests start
        from ray.cluster_utils import Cluster

        cluster, folder = None, Path(tempfile.mkdtemp(prefix="ray-"))  # of a short name, for sockets
        try:
            # Ray writes the cluster's address to this folder of its own, which it does not make.
            own = folder / "ray"
            own.mkdir()
            patch.setenv("RAY_TMPDIR", str(folder))
            node = {**NODE, "temp_dir": str(own)}
            cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
            cluster.add_node(**node)
            yield cluster.address
        finally:
            started = [process for process in _descendants() if process not in before]
            if cluster is not None:
                cluster.shutdown()
            _end(started)
            shutil.rmtree(folder, ignore_errors=True)
            for number, handler in handlers.items():
                signal.signal(number, handler)


def _descendants() -> list[psutil.Process]:
    return psutil.Process(os.getpid()).children(recursive=True)


def _end(processes: list[psutil.Process]) -> None:
    _, left = psutil.wait_procs(processes, PATIENCE)
    for process in left:
        process.kill()
    psutil.wait_procs(left, PATIENCE)


def process_ids(title: str) -> list[int]:
    """Of this cluster's actors, by how Ray titles them."""
    return [process.pid for process in _descendants() if title in " ".join(process.cmdline())]
