"""One of two processes that train together; prints a fingerprint of the weights: SET RUN."""

import hashlib
import sys
from pathlib import Path

import torch

from medsam2.datasets import read_dataset
from medsam2.training.fine_tuning import FineTuning, RunOptions, Sets
from medsam2.training.ranks import joined_ranks
from medsam2.training.settings import Settings


def main() -> None:
    """Train for two steps."""
    torch.set_num_threads(1)
    cases = read_dataset(Path(sys.argv[1]))
    settings = Settings(steps=2, clips=1, frames=2, image_size=64, rate=1e-3, processes=2)
    with joined_ranks(torch.device("cpu")) as ranks:
        run = FineTuning(
            Path(sys.argv[2]), Sets("balls", cases[:2], cases[2:]), settings, RunOptions(2, 0), ranks
        )
        run.train()
        values = b"".join(p.detach().numpy().tobytes() for p in run.network.parameters())
        print("fingerprint", ranks.rank, hashlib.sha256(values).hexdigest())


if __name__ == "__main__":
    main()
