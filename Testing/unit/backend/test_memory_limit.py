"""Memory that a container, a service or a shell allows counts, not only what the computer has."""

import subprocess
import sys

import psutil
import pytest

from medsam2.backend.limits import MemoryBudget, ServerLimits, memory_limit

TOTAL = psutil.virtual_memory().total
GIB = 2**30


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("", {}, TOTAL),
        ("0::/a/b\n", {"a/memory.max": GIB, "a/b/memory.max": "max"}, GIB),
        ("0::/\n", {"memory.max": 2 * GIB}, 2 * GIB),
        ("4:memory:/x\n1:cpu:/\n", {"memory/x/memory.limit_in_bytes": GIB}, GIB),
        ("4:memory:/x\n", {"memory/x/memory.limit_in_bytes": 2**62}, TOTAL),
        ("0::/gone\n", {}, TOTAL),
    ],
)
def test_the_smallest_limit_counts(tmp_path, groups, files, expected):
    (tmp_path / "cgroup").write_text(groups)
    for name, value in files.items():
        file = tmp_path / "fs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{value}\n")
    assert memory_limit(tmp_path / "cgroup", tmp_path / "fs") <= expected
    assert memory_limit(tmp_path / "cgroup", tmp_path / "fs") == min(expected, memory_limit())


@pytest.mark.skipif(sys.platform != "linux", reason="Limits a process.")
def test_a_process_s_own_limit_counts():
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30,) * 2)\n"
    ask = "from medsam2.backend.limits import memory_limit; print(memory_limit())"
    told = subprocess.run(
        [sys.executable, "-c", limit + ask], capture_output=True, text=True, encoding="utf-8", check=True
    )
    assert int(told.stdout) == 3 * GIB


def test_three_quarters_of_it_are_given_out():
    assert MemoryBudget(ServerLimits())._limit == memory_limit() * 3 // 4
