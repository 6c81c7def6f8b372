"""Volumes in chunks: cut by the sender, put together and checked by the receiver."""

from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from math import inf, prod

import numpy as np

from medsam2.protocol.codec import ProtocolError
from medsam2.protocol.messages import Chunk, Compression, OpenVolume

MOST_SLICE_VOXELS = 2**26
"""A slice is computed on as a whole, which nothing can interrupt."""


def compressions() -> tuple[Compression, ...]:
    """What this end can unpack: zstd only where the package ``zstandard`` is installed."""
    with suppress(ImportError):
        import_module("zstandard")
        return ("none", "zstd")
    return ("none",)


def chunks(
    id: int, voxels: np.ndarray, size: int, compression: Compression, start: int = 0
) -> Iterator[Chunk]:
    """The chunks of a volume from byte ``start`` on, each of ``size`` bytes before packing."""
    data = np.ascontiguousarray(voxels).data.cast("B")
    pack = bytes
    if compression == "zstd":
        pack = import_module("zstandard").ZstdCompressor(level=1).compress
    for offset in range(start, len(data), size):
        yield Chunk(id, offset, pack(data[offset : offset + size]))


class Upload:
    """The receiving end of one volume.

    Args:
        announced: what the sender said of it.
        chunk_bytes: most bytes of the volume in one chunk.
        volume_limit: most bytes of the volume.

    Attributes:
        announced: likewise.
        received: bytes that have arrived.

    Raises:
        ProtocolError: shape or spacing is impossible, the volume is too large, or its chunks cannot be
            unpacked here.
        MemoryError: there is no room for it.
    """

    def __init__(self, announced: OpenVolume, chunk_bytes: int, volume_limit: int):
        if announced.compression not in compressions():
            raise ProtocolError(
                "bad_message", f"This end cannot unpack '{announced.compression}'.", announced.id
            )
        self.announced = announced
        self.received = 0
        self._chunk_bytes = chunk_bytes
        self._buffer = np.empty(volume_bytes(announced, volume_limit), np.uint8)

    @property
    def total(self) -> int:
        """Bytes of the whole volume."""
        return self._buffer.size

    @property
    def complete(self) -> bool:
        """Whether all bytes have arrived."""
        return self.received == self.total

    def add(self, chunk: Chunk) -> None:
        """Take the next chunk.

        Raises:
            ProtocolError: it does not follow the one before, reaches beyond the volume, or is damaged.
        """
        if chunk.offset != self.received:
            raise ProtocolError(
                "bad_message", f"The chunk starts at {chunk.offset}, not at {self.received}.", chunk.id
            )
        data = self._unpacked(chunk)
        stop = self.received + len(data)
        if not data or stop > self.total:
            raise ProtocolError("bad_message", "The chunk is empty or reaches beyond the volume.", chunk.id)
        self._buffer[self.received : stop] = np.frombuffer(data, np.uint8)
        self.received = stop

    def _unpacked(self, chunk: Chunk) -> bytes:
        if self.announced.compression == "none":
            self._check_size(len(chunk.data), chunk)
            return chunk.data
        zstandard = import_module("zstandard")
        try:
            self._check_size(zstandard.frame_content_size(chunk.data), chunk)
            unpack = zstandard.ZstdDecompressor().decompress
            return unpack(chunk.data, self._chunk_bytes, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise ProtocolError(
                "bad_message", "The chunk is no single zstd frame of at most a chunk's size.", chunk.id
            ) from error

    def _check_size(self, size: int, chunk: Chunk) -> None:
        if size > self._chunk_bytes:
            raise ProtocolError(
                "too_large", f"A chunk holds at most {self._chunk_bytes} bytes of the volume.", chunk.id
            )

    def voxels(self) -> np.ndarray:
        """The volume (k, j, i), without a copy."""
        return self._buffer.view(self.announced.dtype).reshape(self.announced.shape)


def volume_bytes(announced: OpenVolume, limit: int) -> int:
    """Bytes of an announced volume.

    Raises:
        ProtocolError: its shape or spacing is impossible, or it or a slice of it is too large.
    """
    if min(announced.shape) < 1 or not all(0 < step < inf for step in announced.spacing):
        raise ProtocolError("bad_message", "The volume has no voxels or no spacing.", announced.id)
    size = prod(announced.shape) * np.dtype(announced.dtype).itemsize
    if size > limit:
        raise ProtocolError("too_large", f"The volume has more than {limit >> 20} MiB.", announced.id)
    if prod(sorted(announced.shape)[1:]) > MOST_SLICE_VOXELS:
        raise ProtocolError(
            "too_large", f"A slice of the volume has more than {MOST_SLICE_VOXELS} voxels.", announced.id
        )
    return size
