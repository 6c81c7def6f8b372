"""Products of matrices in fp32, by the quicker of the two libraries that torch has on a processor.

torch's own operators ask MKL, which keeps AMD's processors to less than half of their speed. oneDNN, behind
convolutions and bf16, does not; its linear layer is the operator that ``torch.compile`` takes for one.
"""

import time
from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROUNDS = 20
QUICKER = 1.25
"""How many times as quick another way must be to be taken: then no chance decides."""
LACKING = (AttributeError, NotImplementedError, RuntimeError)
"""What a torch without an operator raises."""
LEAST_WORK = 2**20
"""Multiplications of a product that is worth more than the call."""


class Linear(nn.Linear):
    """A linear layer by the quicker library."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., width in) to (..., width out)."""
        return linear(x, self.weight, self.bias)

    def without_bias(self, x: Tensor) -> Tensor:
        """As ``forward``, but for the bias."""
        return linear(x, self.weight)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Rows of x (..., C) times rows of the weight (D, C), and the bias (D,): (..., D).

    Saves half of a slice on AMD's processors, and nothing on Intel's.

    Args:
        weight: contiguous, or the transpose of one that is: others take oneDNN a thousand times as long. Or
            ``packed``, which takes x in either precision.
    """
    if weight.is_mkldnn or (_is_for_onednn(x, weight) and is_onednn_quicker()):
        return _by_onednn(x.to(weight.dtype), weight, bias)
    return F.linear(x, weight, bias)


def packed(weight: Tensor) -> Tensor:
    """The weight in oneDNN's own order, so that it need not sort it at each call; as it is if torch cannot.

    Saves a twentieth of a slice in bf16. A network with such weights can no longer be copied or saved.
    """
    try:
        return torch.ops.mkldnn._reorder_linear_weight(weight)
    except LACKING:
        return weight


def sigmoid_of_linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The sigmoid of what ``linear`` returns, by oneDNN, rounded once; the bias is in fp32."""
    return _by_onednn(x, weight, bias, "sigmoid")


def _by_onednn(x: Tensor, weight: Tensor, bias: Tensor | None, then: str = "none") -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, then, [], "")


def _is_for_onednn(x: Tensor, weight: Tensor) -> bool:
    is_exact = x.dtype == weight.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    is_plain = x.device.type == "cpu" and not torch.is_grad_enabled()
    return is_exact and is_plain and x.numel() * len(weight) >= LEAST_WORK


@cache
def is_onednn_quicker() -> bool:
    """Whether it is on this processor; measured once, in milliseconds."""
    with torch.inference_mode():
        x, weight = torch.randn(512, 384), torch.randn(384, 384)
        return times_as_quick(lambda: F.linear(x, weight), lambda: _by_onednn(x, weight, None)) > QUICKER


def times_as_quick(usual: Callable[[], Tensor], other: Callable[[], Tensor]) -> float:
    """How many times as quick the other way is; 0 where this torch lacks it.

    By turns, the best of each, and on one core: other programs may keep one of several busy.
    """
    try:
        other()
    except LACKING:
        return 0.0
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        times = [(_seconds(usual), _seconds(other)) for _ in range(1 + ROUNDS)][1:]
    finally:
        torch.set_num_threads(threads)
    return min(usual for usual, _ in times) / min(other for _, other in times)


def _seconds(run: Callable[[], Tensor]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started
