"""How many threads compute, and how they wait for each other. Must be settled before torch is imported."""

import os
from collections.abc import MutableMapping
from pathlib import Path

import psutil

WAITING = {"GOMP_SPINCOUNT": "5000", "KMP_BLOCKTIME": "1"}
"""How long a thread looks out for work before it sleeps: for GNU's OpenMP, which torch brings on Linux, in
turns, some 0.1 ms; for Intel's and LLVM's, elsewhere, in milliseconds.

By default it is some 10 ms and 200 ms. Beside other programs that need the cores a waiting thread then keeps
the one from computing that it waits for: fifty times slower. Never to look out (``OMP_WAIT_POLICY=passive``)
takes half as long again on an idle computer, as threads wait for each other a thousand times per second.
"""
COUNT = "OMP_NUM_THREADS"
QUOTA_FILE = Path("/sys/fs/cgroup/cpu.max")


def settle_threads(
    count: int | None = None, environment: MutableMapping[str, str] = os.environ
) -> MutableMapping[str, str]:
    """Set the variables that torch reads when it is imported; what the user has set stays.

    Args:
        count: threads to compute with; None for what the user has set, else one per physical core.
        environment: the variables of this process, or of one that is to be started.

    Returns:
        ``environment``.
    """
    if "OMP_WAIT_POLICY" not in environment:
        for name, value in WAITING.items():
            environment.setdefault(name, value)
    if count is not None:
        environment[COUNT] = str(count)
    environment.setdefault(COUNT, str(physical_cores()))
    return environment


def physical_cores() -> int:
    """Cores that this process may use, those that show up twice (hyper-threading) counted once."""
    allowed = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed, _quota(QUOTA_FILE, allowed)))


def _quota(file: Path, otherwise: int) -> int:
    """Whole cores' worth of time that a container may use."""
    try:
        quota, period = file.read_text().split()
        return int(quota) // int(period)
    except (OSError, ValueError):  # no container, or one without a limit: "max"
        return otherwise
