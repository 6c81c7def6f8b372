"""What one server takes on, and its memory budget."""

import threading
from dataclasses import dataclass

from medsam2.protocol import ProtocolError

from .computer_memory import memory_limit

MIB = 2**20
SILENCE_SECONDS = 120.0
"""For a client to answer a ping, or to take an answer: an upload over a slow line may stand before it."""


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
