"""How the network runs while tracking."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from medsam2.model.network import MedSAM2


@contextmanager
def inference(network: MedSAM2) -> Iterator[None]:
    """No gradients, and the network's precision."""
    dtype = network.autocast_dtype
    with torch.no_grad(), torch.autocast(network.device.type, dtype=dtype, enabled=dtype is not None):
        yield
