"""The loop that all training shares: steps, log lines, and a state at the end of each stretch."""

from collections.abc import Iterator

from medsam2.training.clip_batch import ClipBatch
from medsam2.training.run import Run
from medsam2.training.training_log import TrainingLog

LOG_EVERY = 25


def train_until(run: Run, batches: Iterator[ClipBatch], end: int, log: TrainingLog | None) -> None:
    """Train up to step ``end`` and save the state there.

    Args:
        run: what learns.
        batches: one for each step.
        end: the step to stop before.
        log: where numbers go; None for a process that does not write.
    """
    while run.step < end:
        numbers = run.train_step(next(batches))
        if log is not None:
            log.add(numbers)
            if run.step % LOG_EVERY == 0 or run.step == end:
                log.write_means(run.step)
    run.save()


def next_multiple(step: int, interval: int) -> int:
    """The first multiple of ``interval`` after ``step``."""
    return (step // interval + 1) * interval
