"""Weights made of names alone: so that two programs, ours and a public one, get the same without a file."""

import zlib

import torch
from torch import Tensor, nn


def seed_weights(module: nn.Module) -> None:
    """Fill the state of a module: each tensor from the checksum of its name, with values of a useful size.

    Integer buffers stay.
    """
    state = module.state_dict()
    with torch.no_grad():
        for name, tensor in state.items():
            if tensor.is_floating_point():
                tensor.copy_(seeded_tensor(name, tensor.shape))


def seeded_tensor(name: str, shape: torch.Size) -> Tensor:
    """Normal values whose spread keeps signals at their size; round 1 for scales, positive for variances."""
    values = torch.randn(shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))
    if name.endswith("running_var"):
        return 1 + 0.1 * values.abs()
    if values.ndim <= 1:
        is_scale = name.endswith("weight")
        return 0.1 * values + (1 if is_scale else 0)
    return values / max(values[0].numel(), 1) ** 0.5
