"""Products of matrices in int8, which most laptops have instructions for (VNNI), and none for bf16.

They are up to four times as quick as those in fp32. The operators are those that ``torch.compile`` takes for
quantised linear layers; oneDNN is behind them.
"""

import math
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from .products import LACKING, linear, times_as_quick

STEPS = 254
"""From the least to the greatest number: one less than uint8 has, so that rounding never leaves it."""
LEAST = 1e-30
"""Steps are no smaller."""
QUICKER_PRODUCT = 2.0
"""How many times as quick a product must be, so that it is worth the rounding."""

Rounded = tuple[Tensor, float, int]
"""Whole numbers in uint8, what one of them is worth, and which is zero."""


@dataclass(frozen=True)
class Int8Rows:
    """The rows of a weight (D, C) in 8 bits, each with a scale of its own, in oneDNN's order."""

    packed: Tensor
    scales: Tensor
    zeros: Tensor

    @classmethod
    def of(cls, weight: Tensor) -> "Int8Rows":
        """Rounded from fp32 or bf16."""
        weight = weight.detach().float()
        scales = weight.abs().amax(dim=1).div_(127).clamp_(min=LEAST)
        rounded = (weight / scales[:, None]).round_().to(torch.int8)
        packed = torch.ops.onednn.qlinear_prepack(rounded, None)
        return cls(packed, scales, torch.zeros(len(weight), dtype=torch.int64))


def times(x: Tensor, weight: Int8Rows, bias: Tensor | None = None) -> Tensor:
    """As ``products.linear``, for one row and more.

    x (..., C), in fp32 or bf16, is rounded to 255 numbers between its least and its greatest. So each row's
    result depends, within the rounding, on the others; and where x is not finite all comes out as NaN.
    """
    return _times_rounded(_rounded(x), weight, bias, x.dtype)


def _rounded(x: Tensor) -> Rounded:
    least, greatest = (float(end) for end in x.aminmax())
    scale = max((max(greatest, 0.0) - min(least, 0.0)) / STEPS, LEAST)
    zero = round(-min(least, 0.0) / scale) if math.isfinite(scale) else 0
    # With the half, cutting off rounds; bf16 could not hold it.
    return torch.add(torch.tensor(zero + 0.5), x.float(), alpha=1 / scale).to(torch.uint8), scale, zero


def _times_rounded(x: Rounded, weight: Int8Rows, bias: Tensor | None, dtype: torch.dtype) -> Tensor:
    whole, scale, zero = x
    inputs = (whole.flatten(0, -2), scale, zero, weight.packed, weight.scales, weight.zeros, bias)
    found = torch.ops.onednn.qlinear_pointwise(*inputs, 1.0, 0, dtype, "none", [], "")
    return found.unflatten(0, whole.shape[:-1])


class Int8Linear(nn.Module):
    """A linear layer whose products are in int8; can be neither trained, copied nor saved."""

    def __init__(self, layer: nn.Linear):
        super().__init__()
        self.rows = Int8Rows.of(layer.weight)
        self.bias = layer.bias

    def forward(self, x: Tensor) -> Tensor:
        """(..., width in) to (..., width out)."""
        return times(x, self.rows, self.bias)

    def without_bias(self, x: Tensor) -> Tensor:
        """As ``forward``, but for the bias."""
        return times(x, self.rows)


@cache
def is_int8_quick(device_type: str) -> bool:
    """Whether this computer multiplies so quicker than in fp32, and well; measured once, in milliseconds."""
    # Elsewhere oneDNN may have slow loops alone, whose measurement takes seconds.
    has_avx = torch.backends.cpu.get_cpu_capability().startswith("AVX")
    if device_type != "cpu" or not has_avx or not is_int8_whole():
        return False
    with torch.inference_mode():
        x, weight = torch.randn(512, 384), torch.randn(768, 384)
        rounded, rows = _rounded(x), Int8Rows.of(weight)
        # Without rounding, whose short steps another busy program holds up by far more than a product.
        ratio = times_as_quick(
            lambda: linear(x, weight), lambda: _times_rounded(rounded, rows, None, torch.float32)
        )
    return ratio > QUICKER_PRODUCT


def is_int8_whole() -> bool:
    """Whether sums are right; without instructions for int8 oneDNN adds pairs of products up in 16 bits."""
    ones = torch.ones(16, 64)
    try:
        return torch.allclose(times(ones, Int8Rows.of(ones)), torch.tensor(64.0), rtol=0.01)
    except LACKING:
        return False
