"""Which cases clips come from: an order that follows from the seed, and reads few volumes at a time."""

import numpy as np

POOL_SIZE = 8
"""Cases that clips are cut from at a time: so many volumes each process keeps in memory."""
CLIPS_PER_CASE = 16
"""Clips cut from each of them, on average, before the next cases take their place."""


def case_pool(seed: int, cases: int, clip: int) -> np.ndarray:
    """Indices of the cases among which clip number ``clip`` chooses; all cases take turns in random order."""
    size = min(POOL_SIZE, cases)
    pools = -(-cases // size)
    turn, place = divmod(clip // (size * CLIPS_PER_CASE), pools)
    order = np.random.default_rng([seed, turn]).permutation(cases)
    return order[place * size : (place + 1) * size]
