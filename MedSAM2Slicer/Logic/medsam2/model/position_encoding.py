"""Where a token lies: sine codes of maps and of time, rotary codes, random Fourier codes of points.

The tables depend only on sizes; they are computed once and kept on the CPU.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor, nn

TEMPERATURE = 10000.0


def _as_ordinary_tensor(build: Callable[[int, int, int], Tensor]) -> Callable[[int, int, int], Tensor]:
    """Cache ``build``'s tables, and keep them usable in training when first made during inference."""

    @lru_cache(maxsize=64)
    def cached(*sizes: int) -> Tensor:
        with torch.inference_mode(False), torch.no_grad(), torch.autocast("cpu", enabled=False):
            return build(*sizes)

    return cached


@_as_ordinary_tensor
def sine_map(channels: int, height: int, width: int) -> Tensor:
    """Sine position codes (1, channels, height, width) of a map (``PositionEmbeddingSine``).

    The first half of the channels codes the row, the second half the column, both scaled to 2 pi.
    """
    half = channels // 2
    frequency = TEMPERATURE ** (2 * torch.div(torch.arange(half), 2, rounding_mode="floor") / half)

    def code(length: int) -> Tensor:
        position = torch.arange(1, length + 1) / (length + 1e-6) * 2 * math.pi
        angle = position[:, None] / frequency
        return torch.stack((angle[:, 0::2].sin(), angle[:, 1::2].cos()), dim=2).flatten(1)

    rows = code(height)[:, None].expand(height, width, half)
    columns = code(width)[None].expand(height, width, half)
    return torch.cat((rows, columns), dim=2).permute(2, 0, 1)[None].contiguous()


def sine_of_time(distance: Tensor, channels: int) -> Tensor:
    """Sine codes (N, channels) of signed, normalised frame distances (N,) (``get_1d_sine_pe``)."""
    half = channels // 2
    index = torch.arange(half, dtype=torch.float32, device=distance.device)
    frequency = TEMPERATURE ** (2 * torch.div(index, 2, rounding_mode="floor") / half)
    angle = distance[:, None] / frequency
    return torch.cat((angle.sin(), angle.cos()), dim=-1)


@_as_ordinary_tensor
def rotary_table(dim: int, height: int, width: int) -> Tensor:
    """Axial rotary codes (height * width, dim / 2) as complex numbers (``compute_axial_cis``)."""
    frequency = TEMPERATURE ** (-torch.arange(0, dim, 4)[: dim // 4].float() / dim)
    index = torch.arange(height * width)
    columns = torch.outer((index % width).float(), frequency)
    rows = torch.outer(torch.div(index, width, rounding_mode="floor").float(), frequency)
    angle = torch.cat((columns, rows), dim=-1)
    return torch.polar(torch.ones_like(angle), angle)


def rotate(x: Tensor, table: Tensor) -> Tensor:
    """Apply rotary codes to tokens (..., N, dim) of one or several maps of as many tokens as the table."""
    maps = x.float().unflatten(-2, (-1, len(table))).unflatten(-1, (-1, 2))
    turned = torch.view_as_real(torch.view_as_complex(maps.contiguous()) * table)
    return turned.flatten(-2).flatten(-3, -2).to(x.dtype)


class PositionEmbeddingRandom(nn.Module):
    """Random Fourier codes of points in the unit square (``PositionEmbeddingRandom``)."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, channels: int):
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, channels // 2))

    def forward(self, points: Tensor) -> Tensor:
        """Codes (..., channels) of points (..., 2) given as (x, y) in [0, 1]."""
        # In fp32 whatever the autocast: bf16 cannot tell neighbouring pixels apart.
        with torch.autocast(points.device.type, enabled=False):
            matrix = self.positional_encoding_gaussian_matrix.float()
            angle = 2 * math.pi * ((2 * points.float() - 1) @ matrix)
            return torch.cat((angle.sin(), angle.cos()), dim=-1)

    def of_map(self, height: int, width: int) -> Tensor:
        """Codes (1, channels, height, width) of the centres of a map's cells."""
        device = self.positional_encoding_gaussian_matrix.device
        y = (torch.arange(height, device=device) + 0.5) / height
        x = (torch.arange(width, device=device) + 0.5) / width
        points = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
        return self(points).permute(2, 0, 1)[None]
