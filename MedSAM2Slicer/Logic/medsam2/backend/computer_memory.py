"""How much memory this process may take: the computer's, or less in a container or a service with a limit."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

GROUPS = Path("/proc/self/cgroup")
ROOT = Path("/sys/fs/cgroup")


def memory_limit(groups: Path = GROUPS, root: Path = ROOT) -> int:
    """Bytes.

    Args:
        groups: says which control groups this process is in.
        root: where they are found.
    """
    return min([psutil.virtual_memory().total, *_group_limits(groups, root), *_own_limits()])


def _group_limits(groups: Path, root: Path) -> Iterator[int]:
    """Limits of the control groups and of those around them, of both versions."""
    with suppress(OSError):
        for line in groups.read_text().splitlines():
            _, kinds, path = line.split(":", 2)
            if kinds not in ("", "memory"):
                continue
            top, name = (root / kinds, "memory.limit_in_bytes") if kinds else (root, "memory.max")
            group = top / path.lstrip("/")
            while True:
                with suppress(OSError, ValueError):  # there is none: "max"
                    yield int((group / name).read_text())
                if group in (top, group.parent):
                    break
                group = group.parent


def _own_limits() -> Iterator[int]:
    if sys.platform != "win32":
        import resource

        for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
            limit = resource.getrlimit(kind)[0]
            if limit != resource.RLIM_INFINITY:
                yield limit
