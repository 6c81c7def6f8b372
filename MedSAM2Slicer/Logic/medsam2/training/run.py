"""One training run: its modules and optimiser, its steps, and the newest state on disk."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from medsam2.errors import InputError
from medsam2.training.clip_batch import Batch
from medsam2.training.ranks import Ranks
from medsam2.training.saving import write_state
from medsam2.training.training_log import TrainingLog

STATE_FILE = "state.pt"
LOG_EVERY = 25


@dataclass(frozen=True)
class Recipe(Generic[Batch]):
    """How a run learns.

    Attributes:
        loss: of a batch, with numbers to log.
        schedule: what the optimiser's own rates are multiplied by at a step.
        clip_norm: largest L2 norm of the gradient.
        seed: of the prompts drawn at each step.
    """

    loss: Callable[[Batch], tuple[Tensor, dict[str, float]]]
    schedule: Callable[[int], float]
    clip_norm: float
    seed: int = 0


class Run(Generic[Batch]):
    """Trains modules, or goes on from the newest state in ``folder``.

    A step depends on nothing but the state, the batch and (seed, step, rank), so that a run that goes on
    does exactly what it would have done without the interruption.

    Args:
        folder: holds ``state.pt``.
        modules: by the name that their state has in the file.
        optimiser: of their parameters, with the rates that the schedule multiplies.
        recipe: how to learn.
        ranks: the processes that train together.

    Raises:
        InputError: the state in the folder is damaged, or another network's.
    """

    def __init__(
        self,
        folder: Path,
        modules: dict[str, nn.Module],
        optimiser: torch.optim.Optimizer,
        recipe: Recipe[Batch],
        ranks: Ranks,
    ):
        self.folder = folder
        self.step = 0
        self.ranks = ranks
        self._modules = modules
        self._optimiser = optimiser
        self._recipe = recipe
        self._rates = [group["lr"] for group in optimiser.param_groups]
        if (folder / STATE_FILE).exists():
            try:
                self._load()
            except Exception as error:  # any exception at all may come out of a damaged file
                raise InputError(
                    f"{folder / STATE_FILE} is damaged, or of another network: choose another folder."
                ) from error

    def train_step(self, batch: Batch) -> dict[str, float]:
        """One optimiser step; returns the numbers to log."""
        device = self.ranks.device
        torch.manual_seed(self._step_seed())
        factor = self._recipe.schedule(self.step)
        for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor
        self._optimiser.zero_grad()
        # Backward too: where slices are encoded again, it must be by the same kernel.
        with sdpa_kernel(_kernels(device)):
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=_is_bf16_fast(device)):
                loss, report = self._recipe.loss(batch.to(device))
            loss.backward()
        parameters = [p for group in self._optimiser.param_groups for p in group["params"]]
        self.ranks.average_gradients(parameters)
        norm = torch.nn.utils.clip_grad_norm_(parameters, self._recipe.clip_norm)
        if math.isfinite(float(norm)):
            self._optimiser.step()
        self.step += 1
        return {"loss": float(loss.detach()), "norm": float(norm), **report}

    def save(self) -> None:
        """Write the state, complete or not at all.

        Raises:
            InputError: the disk is full; the state before it is still there.
        """
        if self.ranks.writes:
            modules = {name: module.state_dict() for name, module in self._modules.items()}
            optimiser = self._optimiser.state_dict()
            write_state(self.folder / STATE_FILE, {"step": self.step, **modules, "optimiser": optimiser})
        self.ranks.wait()

    def _step_seed(self) -> int:
        sequence = np.random.SeedSequence([self._recipe.seed, self.step, self.ranks.rank])
        return int(sequence.generate_state(1)[0])

    def _load(self) -> None:
        state = torch.load(self.folder / STATE_FILE, map_location=self.ranks.device, weights_only=True)
        self.step = state["step"]
        for name, module in self._modules.items():
            module.load_state_dict(state[name])
        self._optimiser.load_state_dict(state["optimiser"])


def train_until(run: Run[Batch], batches: Iterator[Batch], end: int, log: TrainingLog | None) -> None:
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


def decay_groups(parameters: list[nn.Parameter], weight_decay: float) -> list[dict]:
    """Parameter groups: weight decay for matrices and kernels, none for biases and norms."""
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _kernels(device: torch.device) -> list[SDPBackend]:
    """The fused kernel's backward pass is slow for few tokens on a CPU."""
    return [SDPBackend.MATH] if device.type == "cpu" else [SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


def _is_bf16_fast(device: torch.device) -> bool:
    """A CPU without instructions for bf16 multiplies it half as fast as fp32."""
    # torch from 2.11 on can tell.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return device.type != "cpu" or any(capabilities.get(name, False) for name in ("amx_bf16", "avx512_bf16"))
