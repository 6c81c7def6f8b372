"""Average starter weights: ``python -m medsam2_lab.starter.averaging OUT FILE FILE ...``.

Files that stand at the ends of several cycles of one run's learning rate lie round a better place than each
of them does ("stochastic weight averaging", Izmailov et al. 2018).
"""

from collections.abc import Sequence
from pathlib import Path

import torch

from medsam2.model.config import STARTER
from medsam2.model.network import MedSAM2
from medsam2.training.saving import write_weights
from medsam2.weights.checkpoint import read_checkpoint


def average_weights(files: Sequence[Path], output: Path) -> None:
    """Write the mean of starter weights, marked with the largest number of steps among them.

    Raises:
        InputError: a file does not hold starter weights, or the result cannot be written.
    """
    checkpoints = [read_checkpoint(file, "starter") for file in files]
    network = MedSAM2(STARTER)
    means = {
        name: torch.stack([checkpoint.tensors[name].float() for checkpoint in checkpoints]).mean(dim=0)
        for name in network.state_dict()
    }
    network.load_state_dict(means)
    write_weights(output, network, max(int(one.metadata["steps"]) for one in checkpoints))
