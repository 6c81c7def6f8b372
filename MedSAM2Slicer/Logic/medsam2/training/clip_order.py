"""Which cases clips come from: an order that follows from the seed, and reads few volumes at a time."""

import numpy as np

POOL_SIZE = 8
"""Cases that clips are cut from at a time: so many volumes each process keeps in memory."""
CLIPS_PER_CASE = 16
"""Clips cut from each of them, on average, before the next cases take their place."""


def case_pool(seed: int, cases: int, clip: int) -> np.ndarray:
    """Indices of the cases among which clip number ``clip`` chooses; all cases take turns in random order.

    Pools differ by one case at most, since as many clips are cut from each.
    """
    pools = -(-cases // POOL_SIZE)
    turn, place = divmod(clip // (cases * CLIPS_PER_CASE // pools), pools)
    order = np.random.default_rng([seed, turn]).permutation(cases)
    return np.array_split(order, pools)[place]
