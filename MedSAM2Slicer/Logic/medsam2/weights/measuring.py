"""The self-test behind ``speed.py``: how much this computer computes, measured within a second or two."""

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from medsam2.model.attention import attend
from medsam2.model.freed_memory import keep_freed_memory
from medsam2.model.products import linear
from medsam2.weights.loading import choose_autocast_dtype, choose_device
from medsam2.weights.speed import Speed, Work

TOKENS, CHANNELS = 4096, 192
"""Between those of small and of large image encoders."""
QUERIES, KEYS, WIDTH = 512, 3616, 128
"""Between those of memory attention at 256 and at 512 pixels."""
SMALL_CALLS = 500
ROUNDS, ROUND_SECONDS = 3, 0.1
"""The best of a few rounds counts. Windows counts a thread's time in steps of 16 ms."""
AT_REST = 0.8
"""Of the time that passes, what this thread has of its processor unless other programs want it, too."""


def measured_speed(device: str = "auto") -> Speed:
    """What a choice of device does, in the precision that it is used with.

    Raises:
        InputError: the device is not there.
    """
    place = choose_device(device)
    keep_freed_memory()  # as ``load_model`` does: else attention waits for fresh memory
    dtype = choose_autocast_dtype("auto", place)
    with torch.inference_mode(), torch.autocast(place.type, dtype=dtype, enabled=dtype is not None):
        clock = time.thread_time if place.type == "cpu" else time.perf_counter
        parts = _parts(place)
        for _, run in parts:
            run()  # the first one prepares
        began, computed = time.perf_counter(), clock()
        per_second = Work(*(_per_second(*part, clock) for part in parts))
        is_at_rest = clock() - computed > AT_REST * (time.perf_counter() - began)
        return Speed(place.type, per_second, is_at_rest)


def _parts(device: torch.device) -> list[tuple[float, Callable[[], Tensor]]]:
    """Amount and computation of each kind, in the order of ``Work``."""
    tokens = torch.randn(TOKENS, CHANNELS, device=device)
    large = torch.randn(4 * TOKENS, CHANNELS, device=device)  # more than a processor's cache holds
    wide, narrow = (torch.randn(*shape, device=device) for shape in _mlp_shapes())
    query, key, value = (torch.randn(1, 1, count, WIDTH, device=device) for count in (QUERIES, KEYS, KEYS))
    image, kernel = torch.randn(1, 64, 64, 64, device=device), torch.randn(64, 64, 3, 3, device=device)
    few, norm = tokens[:8, :32].contiguous(), torch.nn.LayerNorm(32, device=device)

    def products() -> Tensor:
        F.conv2d(image, kernel, padding=1)
        return linear(linear(tokens[::4], wide), narrow)

    def all_else() -> Tensor:
        return large + F.gelu(F.layer_norm(large, (CHANNELS,)))

    def small_calls() -> Tensor:
        for _ in range(SMALL_CALLS):
            norm(few[None]).transpose(0, 1)  # as networks do it: by a module, with views that cost a little
        return few

    mlp, convolution = 4 * TOKENS * CHANNELS**2, 2 * 64**2 * 64**2 * 9
    return [
        (mlp + convolution, products),
        (4 * QUERIES * KEYS * WIDTH, lambda: attend(query, key, value)),
        (7 * large.numel() * large.element_size(), all_else),
        (SMALL_CALLS, small_calls),
    ]


def _mlp_shapes() -> tuple[tuple[int, int], tuple[int, int]]:
    return (4 * CHANNELS, CHANNELS), (CHANNELS, 4 * CHANNELS)


def _per_second(amount: float, run: Callable[[], Tensor], clock: Callable[[], float]) -> float:
    """By a clock that runs while this computes: on the processor that of the calling thread.

    It does its share of what several threads do, and all else. Beside other programs it also waits for the
    other threads, which makes the estimate up to four times too long.
    """
    return amount / min(_seconds(run, clock) for _ in range(ROUNDS))


def _seconds(run: Callable[[], Tensor], clock: Callable[[], float]) -> float:
    """Of one run: the mean of a round."""
    runs, started = 0, clock()
    while clock() - started < ROUND_SECONDS:
        run().flatten()[0].item()  # a graphics card computes on its own until it is asked for a number
        runs += 1
    return (clock() - started) / runs
