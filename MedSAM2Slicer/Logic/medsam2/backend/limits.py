"""What one server takes on, and its memory budget."""

import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from medsam2.protocol import ProtocolError

MIB = 2**20
SILENCE_SECONDS = 120.0
"""For a client to answer a ping, or to take an answer: an upload over a slow line may stand before it."""
CONTROL_GROUPS = Path("/proc/self/cgroup")
CONTROL_GROUPS_FOLDER = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class ServerLimits:
    """Limits of a server.

    Attributes:
        message_bytes: of one WebSocket message.
        chunk_bytes: of voxels in one chunk, before packing.
        volume_bytes: of one volume.
        memory_bytes: of all sessions' volumes, image features and tracked slices together; None for three
            quarters of the memory that this process may take.
        feature_bytes: of image features kept for one session.
        features_on_disk: whether further ones go to a temporary file.
        sessions: clients at a time.
        sessions_per_token: of them with one token.
        idle_seconds: after which a session that is not used is ended.
        unread_seconds: after which a session that takes none of its answers is ended.
    """

    message_bytes: int = 8 * MIB
    chunk_bytes: int = MIB
    volume_bytes: int = 4096 * MIB
    memory_bytes: int | None = None
    feature_bytes: int = 512 * MIB
    features_on_disk: bool = False
    sessions: int = 16
    sessions_per_token: int = 4
    idle_seconds: float = 1800.0
    unread_seconds: float = SILENCE_SECONDS


class MemoryBudget:
    """Promises of memory to volumes and to what tracking remembers; refuses what does not fit."""

    def __init__(self, limits: ServerLimits):
        self._limit = limits.memory_bytes or memory_limit() * 3 // 4
        self._features = limits.feature_bytes
        self._promised: dict[object, int] = {}
        self._lock = threading.Lock()

    def reserve(
        self, holder: object, volume_bytes: int, request: int, instead_of: object | None = None
    ) -> None:
        """Promise memory for a volume and its features, in place of what another holder had.

        Raises:
            ProtocolError: "busy" when others hold the memory, "too_large" when it never fits.
        """
        wanted = volume_bytes + self._features
        with self._lock:
            others = sum(self._promised.values()) - self._promised.get(instead_of, 0)
            if wanted > self._limit:
                raise ProtocolError("too_large", "The volume is larger than the server's memory.", request)
            if wanted + others > self._limit:
                raise ProtocolError("busy", "Other users' volumes fill the server's memory.", request)
            self._promised.pop(instead_of, None)
            self._promised[holder] = wanted

    def remember(self, holder: object, remembered: int) -> None:
        """Promise memory for what tracking remembers, in place of what the holder was promised before.

        Raises:
            ProtocolError: "out_of_memory" when it grows beyond what is left.
        """
        with self._lock:
            before = self._promised.pop(holder, 0)
            is_too_much = remembered > before and sum(self._promised.values()) + remembered > self._limit
            kept = before if is_too_much else remembered
            if kept:
                self._promised[holder] = kept
        if is_too_much:
            raise ProtocolError(
                "out_of_memory", "Tracked slices fill the memory: remove an object that is done with."
            )

    def release(self, holder: object) -> None:
        """Take back what was promised."""
        with self._lock:
            self._promised.pop(holder, None)


def memory_limit(groups: Path = CONTROL_GROUPS, root: Path = CONTROL_GROUPS_FOLDER) -> int:
    """Bytes that this process may take: the computer's, or less in a container or a service with a limit.

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
