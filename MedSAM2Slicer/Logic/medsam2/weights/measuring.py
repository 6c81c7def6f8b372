"""The self-test behind ``speed.py``: how much this computer computes, measured within a second or two."""

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from medsam2.weights.loading import choose_autocast_dtype, choose_device
from medsam2.weights.speed import Speed, Work

TOKENS, CHANNELS = 4096, 192
"""Between those of small and of large image encoders."""
QUERIES, KEYS, WIDTH = 512, 3616, 128
"""Between those of memory attention at 256 and at 512 pixels."""
SMALL_CALLS = 500
SECONDS, ROUNDS = 0.4, 5
"""How long a kind of computation is repeated, and how often at least. The best round counts, and a round is a
few milliseconds only: that it shares the processor with other programs must not be kept for long."""


def measured_speed(device: str = "auto") -> Speed:
    """What a choice of device does, in the precision that it is used with.

    Raises:
        InputError: the device is not there.
    """
    place = choose_device(device)
    dtype = choose_autocast_dtype("auto", place)
    with torch.inference_mode(), torch.autocast(place.type, dtype=dtype, enabled=dtype is not None):
        return Speed(place.type, Work(*(_per_second(*part) for part in _parts(place))))


def _parts(device: torch.device) -> list[tuple[float, Callable[[], Tensor]]]:
    """Amount and computation of each kind, in the order of ``Work``."""
    tokens = torch.randn(TOKENS, CHANNELS, device=device)
    wide, narrow = (torch.randn(*shape, device=device) for shape in _mlp_shapes())
    query, key, value = (torch.randn(1, 1, count, WIDTH, device=device) for count in (QUERIES, KEYS, KEYS))
    image, kernel = torch.randn(1, 64, 64, 64, device=device), torch.randn(64, 64, 3, 3, device=device)
    few = tokens[:8, :32].contiguous()

    def products() -> Tensor:
        F.conv2d(image, kernel, padding=1)
        return F.linear(F.linear(tokens[::4], wide), narrow)

    def all_else() -> Tensor:
        return tokens + F.gelu(F.layer_norm(tokens, (CHANNELS,)))

    def small_calls() -> Tensor:
        for _ in range(SMALL_CALLS):
            F.layer_norm(few, few.shape[1:])
        return few

    mlp, convolution = 4 * TOKENS * CHANNELS**2, 2 * 64**2 * 64**2 * 9
    return [
        (mlp + convolution, products),
        (4 * QUERIES * KEYS * WIDTH, lambda: F.scaled_dot_product_attention(query, key, value)),
        (7 * tokens.numel() * tokens.element_size(), all_else),
        (SMALL_CALLS, small_calls),
    ]


def _mlp_shapes() -> tuple[tuple[int, int], tuple[int, int]]:
    return (4 * CHANNELS, CHANNELS), (CHANNELS, 4 * CHANNELS)


def _per_second(amount: float, run: Callable[[], Tensor]) -> float:
    rounds = [_seconds(run)]  # the first one prepares
    while sum(rounds) < SECONDS or len(rounds) <= ROUNDS:
        rounds.append(_seconds(run))
    return amount / min(rounds[1:])


def _seconds(run: Callable[[], Tensor]) -> float:
    started = time.perf_counter()
    run().flatten()[0].item()  # a graphics card computes on its own until it is asked for a number
    return time.perf_counter() - started
