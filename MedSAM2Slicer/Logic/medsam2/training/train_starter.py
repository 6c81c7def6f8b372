"""Train the starter weights on synthetic volumes: ``python -m medsam2.training.train_starter RUN``.

The run folder holds the newest state, from which the same command goes on, and ``starter.safetensors``, the
weights as fp16. Runs on a GPU where there is one, else on the CPU.
"""

import argparse
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn.attention import SDPBackend, sdpa_kernel

from medsam2.model.config import network_config
from medsam2.model.network import MedSAM2
from medsam2.training.clip_dataset import clip_batches
from medsam2.training.clip_forward import ClipBatch, clip_loss
from medsam2.training.losses import DenseHead
from medsam2.training.starter_init import initialise

WEIGHT_DECAY, CLIP_NORM, WARMUP_STEPS = 0.05, 1.0, 150
SAVE_EVERY, LOG_EVERY = 100, 25


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
)
TOTAL_STEPS = sum(phase.steps for phase in PHASES)


def learning_rate(step: int) -> float:
    """Warm-up, then straight lines from the rate of one phase to that of the next, and to 0 at the end."""
    phase, end = phase_at(step)
    following = PHASES.index(phase) + 1
    target = PHASES[following].rate if following < len(PHASES) else 0.0
    left = (end - step) / phase.steps
    return min(1.0, (step + 1) / WARMUP_STEPS) * (target + (phase.rate - target) * left)


def phase_at(step: int) -> tuple[Phase, int]:
    """The phase that a step belongs to, and the step at which it ends."""
    end = 0
    for phase in PHASES:
        end += phase.steps
        if step < end:
            return phase, end
    raise ValueError(f"step {step} is past the last of {TOTAL_STEPS}")


class Run:
    """Network and optimiser of one training run, with its folder."""

    def __init__(self, folder: Path, device: torch.device):
        self.folder = folder
        self.device = device
        self.network = MedSAM2(network_config("starter"))
        initialise(self.network)
        self.head = DenseHead(self.network.config.model_dim)
        self.network.to(device).train()
        self.head.to(device)
        self.optimiser = torch.optim.AdamW(self._groups(), lr=PHASES[0].rate, betas=(0.9, 0.98))
        self.step = 0
        if self._state_file.exists():
            self._load()

    @property
    def _state_file(self) -> Path:
        return self.folder / "state.pt"

    def _groups(self) -> list[dict]:
        parameters = [*self.network.parameters(), *self.head.parameters()]
        return [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": WEIGHT_DECAY},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]

    def train_step(self, batch: ClipBatch) -> dict[str, float]:
        """One optimiser step; returns the numbers to log."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step)
        batch = ClipBatch(*(value.to(self.device, non_blocking=True) for value in vars(batch).values()))
        # The fused kernel's backward pass is slow for few tokens on a CPU.
        kernels = (
            [SDPBackend.MATH]
            if self.device.type == "cpu"
            else [SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
        )
        with torch.autocast(self.device.type, dtype=torch.bfloat16), sdpa_kernel(kernels):
            loss, report = clip_loss(self.network, self.head, batch)
        self.optimiser.zero_grad()
        loss.backward()
        parameters = [p for group in self.optimiser.param_groups for p in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(parameters, CLIP_NORM)
        if math.isfinite(float(norm)):
            self.optimiser.step()
        self.step += 1
        return {"loss": float(loss.detach()), "norm": float(norm), **report}

    def save(self) -> None:
        """Write the state and the fp16 weights, each complete or not at all."""
        state = {
            "step": self.step,
            "network": self.network.state_dict(),
            "head": self.head.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        partial = self.folder / "state.part"
        torch.save(state, partial)
        partial.replace(self._state_file)
        weights = {name: value.half().contiguous() for name, value in self.network.state_dict().items()}
        metadata = {"preset": "starter", "family": "sam2.1", "steps": str(self.step)}
        save_file(weights, self.folder / "starter.part", metadata)
        (self.folder / "starter.part").replace(self.folder / "starter.safetensors")

    def _load(self) -> None:
        state = torch.load(self._state_file, map_location=self.device, weights_only=True)
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.head.load_state_dict(state["head"])
        self.optimiser.load_state_dict(state["optimiser"])

    def log(self, rows: list[dict[str, float]], seconds: float) -> None:
        """Append the means of the last steps to ``log.jsonl``."""
        means = {
            key: round(sum(values) / len(values), 4)
            for key in dict.fromkeys(name for row in rows for name in row)
            if (values := [row[key] for row in rows if math.isfinite(row.get(key, math.nan))])
        }
        entry = {"step": self.step, "seconds_per_step": round(seconds / len(rows), 3), **means}
        with open(self.folder / "log.jsonl", "a") as file:
            file.write(json.dumps(entry) + "\n")
        print(entry, flush=True)


def train(folder: Path, workers: int, until: int = TOTAL_STEPS) -> None:
    """Train, or go on training, in ``folder`` up to step ``until``."""
    folder.mkdir(parents=True, exist_ok=True)
    run = Run(folder, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    torch.manual_seed(run.step)
    while run.step < until:
        phase, end = phase_at(run.step)
        options = asdict(phase)
        del options["steps"], options["rate"]
        batches = clip_batches(seed=run.step, workers=workers, **options)
        rows: list[dict[str, float]] = []
        started = time.monotonic()
        while run.step < min(end, until):
            rows.append(run.train_step(next(batches)))
            if run.step % LOG_EVERY == 0:
                run.log(rows, time.monotonic() - started)
                rows, started = [], time.monotonic()
            if run.step % SAVE_EVERY == 0:
                run.save()
        run.save()


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of the run; an existing one goes on")
    parser.add_argument("--workers", type=int, default=2, help="processes that make clips")
    parser.add_argument("--until", type=int, default=TOTAL_STEPS, help="stop at this step")
    arguments = parser.parse_args()
    train(arguments.run, arguments.workers, arguments.until)


if __name__ == "__main__":
    main()
