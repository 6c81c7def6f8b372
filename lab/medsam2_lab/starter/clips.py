"""An endless stream of batches of synthetic clips, made in background processes."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from medsam2.training.clip_batch import ClipBatch, collate
from medsam2.training.fine_tuning_clips import leave_signals
from medsam2_lab.synthetic.anatomy import Anatomy, make_anatomy
from medsam2_lab.synthetic.clips import Clip, make_clip

POOL_SIZE = 24
"""Body parts kept at a time by each process; many clips are cut from each before it is replaced."""
CLIPS_PER_ANATOMY = 60


@dataclass(frozen=True)
class LabelledBatch(ClipBatch):
    """A batch with what each pixel shows, (N, T, S, S) integer."""

    labels: Tensor


class SyntheticClips(IterableDataset):
    """Batches of clips without end, different in every process and for every ``seed``."""

    def __init__(self, seed: int, clips: int, image_size: int, frames: int, objects: int):
        self.seed = seed
        self.clips = clips
        self.clip_options = {"image_size": image_size, "frames": frames, "objects": objects}

    def __iter__(self) -> Iterator[LabelledBatch]:
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        pool: list[Anatomy] = []
        made = 0
        while True:
            batch = []
            for _ in range(self.clips):
                # A small pool at first, so that the first batch does not wait for all of it.
                if made % CLIPS_PER_ANATOMY == 0 or len(pool) < min(POOL_SIZE, 2 + made // 4):
                    pool.append(make_anatomy(rng))
                    pool = pool[-POOL_SIZE:]
                batch.append(make_clip(pool[rng.integers(len(pool))], rng, **self.clip_options))
                made += 1
            yield _with_labels(batch)


def _with_labels(clips: list[Clip]) -> LabelledBatch:
    labels = torch.from_numpy(np.stack([clip.labels for clip in clips]))
    return LabelledBatch(**vars(collate(clips)), labels=labels)


def clip_batches(seed: int, workers: int, **options: int) -> Iterator[LabelledBatch]:
    """Iterate over batches made by ``workers`` background processes."""
    dataset = SyntheticClips(seed, **options)
    prefetch = 3 if workers else None
    loader = DataLoader(
        dataset,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=prefetch,
        worker_init_fn=_yield_to_trainer,
    )
    return iter(loader)


def _yield_to_trainer(worker: int) -> None:
    """Let a clip-making process run on any core, whatever the trainer is bound to, and behind it."""
    leave_signals(worker)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
    if hasattr(os, "nice"):
        os.nice(15)
