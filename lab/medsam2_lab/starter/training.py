"""The training of the starter weights on synthetic volumes.

The run folder holds the newest state, from which the same command goes on, and ``starter.safetensors``, the
weights as fp16. Where the state is lost, a new run goes on from such a file; its optimiser warms up again.
Runs on a GPU where there is one, else on the CPU.
"""

import math
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from medsam2.model.config import STARTER
from medsam2.model.network import MedSAM2
from medsam2.training.clip_forward import Teaching, clip_loss, encode_clips
from medsam2.training.ranks import Ranks
from medsam2.training.run import Recipe, Run, decay_groups, next_multiple, train_until
from medsam2.training.saving import write_weights
from medsam2.training.training_log import TrainingLog
from medsam2.weights.checkpoint import read_checkpoint
from medsam2_lab.starter.clips import LabelledBatch, clip_batches
from medsam2_lab.starter.dense_head import DENSE_WEIGHT, DenseHead
from medsam2_lab.starter.first_weights import initialise
from medsam2_lab.starter.loss import starter_loss

WEIGHT_DECAY, CLIP_NORM, WARMUP_STEPS = 0.05, 1.0, 150
SAVE_EVERY = 100


@dataclass(frozen=True)
class Phase:
    """A stretch of training with clips of one size; ``rate`` is the learning rate at its start."""

    steps: int
    rate: float
    image_size: int
    frames: int
    clips: int
    objects: int


# Small images first: a step costs a third, and the weights carry over. Then tracking, then full size.
PHASES = (
    Phase(steps=1100, rate=8e-4, image_size=128, frames=1, clips=16, objects=6),
    Phase(steps=1000, rate=8e-4, image_size=128, frames=4, clips=8, objects=3),
    Phase(steps=300, rate=8e-4, image_size=256, frames=6, clips=2, objects=4),
    Phase(steps=1100, rate=4e-4, image_size=128, frames=4, clips=8, objects=4),
    Phase(steps=400, rate=2.5e-4, image_size=256, frames=5, clips=3, objects=3),
    Phase(steps=1100, rate=4e-4, image_size=128, frames=5, clips=8, objects=4),
    Phase(steps=400, rate=2e-4, image_size=256, frames=5, clips=3, objects=3),
    Phase(steps=900, rate=4e-4, image_size=128, frames=6, clips=8, objects=4),
    Phase(steps=200, rate=2.5e-4, image_size=256, frames=2, clips=6, objects=5),
    Phase(steps=480, rate=2e-4, image_size=256, frames=5, clips=3, objects=3),
    Phase(steps=1300, rate=4e-4, image_size=128, frames=6, clips=8, objects=4),
    Phase(steps=700, rate=2.5e-4, image_size=256, frames=5, clips=3, objects=3),
    Phase(steps=700, rate=4e-4, image_size=128, frames=6, clips=8, objects=4),
    Phase(steps=350, rate=2.5e-4, image_size=256, frames=5, clips=3, objects=3),
    Phase(steps=900, rate=3e-4, image_size=128, frames=6, clips=8, objects=4),
    Phase(steps=600, rate=2e-4, image_size=256, frames=5, clips=3, objects=3),
)
TOTAL_STEPS = sum(phase.steps for phase in PHASES)
# What follows has no end: a constant rate for as long as there is time on a GPU.
FURTHER = Phase(steps=sys.maxsize, rate=1e-4, image_size=256, frames=6, clips=8, objects=4)


def learning_rate(step: int, start: int = 0) -> float:
    """Warm-up from ``start``, then straight lines from a phase's rate to that of the next, at last to 0.

    Steps after the last phase warm up anew to the rate of ``FURTHER``.
    """
    index, end = _phase_index(step)
    if index == len(PHASES):
        since = max(start, sum(phase.steps for phase in PHASES))
        return min(1.0, (step + 1 - since) / WARMUP_STEPS) * FURTHER.rate
    phase, following = PHASES[index], PHASES[index + 1 :]
    target = following[0].rate if following else 0.0
    left = (end - step) / phase.steps
    return min(1.0, (step + 1 - start) / WARMUP_STEPS) * (target + (phase.rate - target) * left)


def phase_at(step: int) -> tuple[Phase, int]:
    """The phase that a step belongs to, and the step at which it ends."""
    index, end = _phase_index(step)
    return (*PHASES, FURTHER)[index], end


def _phase_index(step: int) -> tuple[int, int]:
    end = 0
    for index, phase in enumerate(PHASES):
        end += phase.steps
        if step < end:
            return index, end
    return len(PHASES), FURTHER.steps


def starter_run(folder: Path, device: torch.device, weights: Path | None = None) -> tuple[Run, MedSAM2]:
    """A run of the starter network, new or going on, and the network itself.

    Args:
        folder: of the run; the state in it goes before ``weights``.
        device: where to train.
        weights: a run's ``starter.safetensors``, from whose step a new run goes on.
    """
    network = MedSAM2(STARTER)
    initialise(network)
    start = 0
    if weights is not None:
        checkpoint = read_checkpoint(weights, "starter")
        network.load_state_dict(checkpoint.tensors)
        start = int(checkpoint.metadata["steps"])
    head = DenseHead(network.config.model_dim)
    modules = {"network": network.to(device).train(), "head": head.to(device)}

    def loss(batch: LabelledBatch) -> tuple[Tensor, dict[str, float]]:
        features = encode_clips(network, batch.images)
        tracking, report = clip_loss(network, features, batch, Teaching(starter_loss))
        return tracking + DENSE_WEIGHT * head(features, batch.labels.flatten(0, 1)), report

    groups = decay_groups([*network.parameters(), *head.parameters()], WEIGHT_DECAY)
    # A rate of 1, as the schedule gives the rates themselves.
    optimiser = torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.98))
    recipe = Recipe(loss, partial(learning_rate, start=start), CLIP_NORM)
    run = Run(folder, modules, optimiser, recipe, Ranks(0, 1, device))
    run.step = max(run.step, start)
    return run, network


def train(
    folder: Path,
    workers: int,
    until: int = TOTAL_STEPS,
    weights: Path | None = None,
    minutes: float = math.inf,
) -> None:
    """Train, or go on training, in ``folder`` up to step ``until``, or for so long; see ``starter_run``."""
    deadline = time.monotonic() + 60 * minutes
    folder.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    run, network = starter_run(folder, device, weights)
    log = TrainingLog(folder)
    while run.step < until and time.monotonic() < deadline:
        phase, end = phase_at(run.step)
        options = asdict(phase)
        del options["steps"], options["rate"]
        batches = clip_batches(seed=run.step, workers=workers, **options)
        while run.step < min(end, until) and time.monotonic() < deadline:
            train_until(run, batches, min(end, until, next_multiple(run.step, SAVE_EVERY)), log)
            write_weights(folder / "starter.safetensors", network, run.step)
