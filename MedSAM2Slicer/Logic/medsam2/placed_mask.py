"""A mask on part of a slice: how masks travel and are kept, since objects cover little of a slice."""

from dataclasses import dataclass, field

import numpy as np

from medsam2.slice_grid import SliceGrid


@dataclass(frozen=True)
class PlacedMask:
    """A mask within a box of a slice.

    Its voxels are packed as on the wire: unpacked they take eight times the memory, and a client keeps the
    masks that were given as prompts for as long as its volume is open, to tell them again after a crash.

    Attributes:
        row, column: first voxel of the box in the slice.
        height, width: of the box, in voxels.
        bits: rows one after the other, the first voxel in the highest bit, only the end padded.
    """

    row: int
    column: int
    height: int
    width: int
    bits: bytes = field(repr=False)

    @classmethod
    def packed(cls, voxels: np.ndarray, row: int = 0, column: int = 0) -> "PlacedMask":
        """A mask (h, w) whose first voxel lies at ``row``, ``column`` of the slice."""
        height, width = voxels.shape
        bits = np.packbits(np.asarray(voxels, bool)).tobytes()
        return cls(int(row), int(column), height, width, bits)

    @classmethod
    def cropped(cls, voxels: np.ndarray, row: int = 0, column: int = 0) -> "PlacedMask":
        """Likewise, in the smallest box that holds all it covers; in none, at 0, where it covers nothing."""
        rows, columns = np.flatnonzero(voxels.any(axis=1)), np.flatnonzero(voxels.any(axis=0))
        if not len(rows):
            return cls(0, 0, 0, 0, b"")
        part = voxels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return cls.packed(part, row + rows[0], column + columns[0])

    @property
    def voxels(self) -> np.ndarray:
        """The mask within its box, (h, w) bool, unpacked anew."""
        flat = np.unpackbits(np.frombuffer(self.bits, np.uint8), count=self.height * self.width)
        return flat.reshape(self.height, self.width).view(bool)

    @property
    def is_empty(self) -> bool:
        """Whether it covers nothing."""
        return not self.voxels.any()

    def tightened(self) -> "PlacedMask":
        """The same mask in the smallest box that holds all it covers."""
        return self.cropped(self.voxels, self.row, self.column)

    def is_within(self, shape: tuple[int, int]) -> bool:
        """Whether its box lies on a slice of ``shape``."""
        return self.row + self.height <= shape[0] and self.column + self.width <= shape[1]

    def full(self, shape: tuple[int, int]) -> np.ndarray:
        """The mask on the whole slice, (rows, columns) bool."""
        out = np.zeros(shape, bool)
        out[self.row : self.row + self.height, self.column : self.column + self.width] = self.voxels
        return out

    def covers(self, row: float, column: float, grid: SliceGrid) -> bool:
        """Whether the voxel at a position of the slice belongs to the mask."""
        row, column = grid.voxel(row, column)
        row, column = row - self.row, column - self.column
        if not (0 <= row < self.height and 0 <= column < self.width):
            return False
        # Not unpacked: a thousand clicks may ask.
        byte, bit = divmod(row * self.width + column, 8)
        return bool(self.bits[byte] >> (7 - bit) & 1)
