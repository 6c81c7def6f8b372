"""Lines of straight pieces: how far positions lie from them, and which of their positions tell most."""

import heapq

import numpy as np


def distances(positions: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """From positions to the straight ways from ``starts`` to ``ends``; each (n, 2), or one for all."""
    ways = ends - starts
    lengths = np.maximum((ways**2).sum(axis=-1), np.finfo(float).tiny)
    shares = np.clip(((positions - starts) * ways).sum(axis=-1) / lengths, 0, 1)
    return np.linalg.norm(positions - starts - shares[..., None] * ways, axis=-1)


def telling(line: np.ndarray, tolerance: float, most: int) -> list[int]:
    """Which positions (n, 2) say what a line is: its ends, then its sharpest bends.

    It is Douglas and Peucker's rule (1973): the position that lies farthest from the line so far comes next.

    Args:
        tolerance: how far positions may lie from the line that is kept.
        most: how many are kept at most, at least the ends.
    """
    kept, parts = {0, len(line) - 1}, [_farthest(line, 0, len(line) - 1)]
    while len(kept) < most:
        nearness, first, middle, last = heapq.heappop(parts)
        if -nearness <= tolerance:
            break
        kept.add(middle)
        for part in ((first, middle), (middle, last)):
            heapq.heappush(parts, _farthest(line, *part))
    return sorted(kept)


def _farthest(line: np.ndarray, first: int, last: int) -> tuple[float, int, int, int]:
    """Of the positions between two: minus how far from the straight way one lies, the first, it, the last."""
    between = distances(line[first + 1 : last], line[first], line[last])
    if not len(between):
        return 0.0, first, first, last
    middle = int(between.argmax())
    return -float(between[middle]), first, first + 1 + middle, last
