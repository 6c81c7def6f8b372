"""The batches of a fine-tuning run: which clips they hold follows from the seed and the step."""

import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType

import numpy as np
from torch.utils.data import DataLoader, Dataset

from medsam2.datasets import Case
from medsam2.training.clip_batch import ClipBatch, collate
from medsam2.training.labelled_clips import ClipSource, LabelledClip
from medsam2.training.ranks import Ranks

POOL_SIZE = 8
"""Cases that clips are cut from at a time: so many volumes each process keeps in memory."""
CLIPS_PER_CASE = 16
"""Clips cut from each of them, on average, before the next cases take their place."""


class LabelledClips(Dataset):
    """Batches by number; the same number always gives the same batch.

    Args:
        cases: what clips are cut from.
        seed: of all choices.
        clips: in a batch.
        image_size, frames, objects: see ``ClipSource.cut``.
    """

    def __init__(
        self, cases: Sequence[Case], seed: int, clips: int, image_size: int, frames: int, objects: int
    ):
        self._cases = cases
        self._seed = seed
        self._clips = clips
        self._options = {"image_size": image_size, "frames": frames, "objects": objects}
        self._sources: dict[int, ClipSource] = {}

    def __getitem__(self, number: int) -> ClipBatch:
        return collate([self._clip(number * self._clips + index) for index in range(self._clips)])

    def _clip(self, number: int) -> LabelledClip:
        rng = np.random.default_rng([self._seed, number])
        pool = case_pool(self._seed, len(self._cases), number)
        return self._source(int(rng.choice(pool)), pool).cut(rng, **self._options)

    def _source(self, index: int, pool: np.ndarray) -> ClipSource:
        """The volume of a case, kept as long as it is in the pool."""
        self._sources = {kept: source for kept, source in self._sources.items() if kept in pool}
        if index not in self._sources:
            self._sources[index] = ClipSource(self._cases[index].read())
        return self._sources[index]


def leave_signals(worker: int) -> None:
    """Let a process that makes batches end with the one that it works for: signals often reach both."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end_well)


def _end_well(number: int, frame: FrameType | None) -> None:
    """End as a process does that has done its work: of any other end torch tells with a traceback."""
    signal.signal(number, signal.SIG_DFL)  # a second signal ends it wherever it is
    sys.exit()


def fine_tuning_batches(
    dataset: LabelledClips, first: int, last: int, ranks: Ranks, workers: int
) -> Iterator[ClipBatch]:
    """The batches of one process from step ``first`` up to, not including, step ``last``.

    Args:
        dataset: batches by number.
        first, last: steps.
        ranks: each process takes batches of its own.
        workers: processes that make batches ahead; 0 makes them when they are needed.
    """
    numbers = range(first * ranks.count + ranks.rank, last * ranks.count, ranks.count)
    loader = DataLoader(
        dataset, batch_size=None, sampler=numbers, num_workers=workers, worker_init_fn=leave_signals
    )
    return iter(loader)


def case_pool(seed: int, cases: int, clip: int) -> np.ndarray:
    """Indices of the cases among which clip number ``clip`` chooses; all cases take turns in random order.

    Pools differ by one case at most, since as many clips are cut from each.
    """
    pools = -(-cases // POOL_SIZE)
    turn, pool = divmod(clip // (cases * CLIPS_PER_CASE // pools), pools)
    order = np.random.default_rng([seed, turn]).permutation(cases)
    return np.array_split(order, pools)[pool]
