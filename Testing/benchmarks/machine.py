"""What this machine can do, and what a computation takes of it: peak speed, FLOPs, process memory."""

import ctypes
import gc
import math
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from medsam2.model.products import linear

T = TypeVar("T")
STATUS = Path("/proc/self/status")


def seconds_of(run: Callable[[], T]) -> tuple[float, T]:
    """Wall-clock seconds that a call takes, and what it returns."""
    started = time.perf_counter()
    result = run()
    return time.perf_counter() - started, result


def matrix_product_peak(
    size: int = 2048,
    repeats: int = 15,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> float:
    """FLOP per second of a product of two ``size`` x ``size`` matrices, the median of ``repeats``."""
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))

    def multiply() -> None:
        with torch.inference_mode():
            linear(a, b)  # by the quicker of torch's libraries, whichever the network takes
        if a.is_cuda:
            torch.cuda.synchronize()

    multiply()
    return 2 * size**3 / statistics.median(seconds_of(multiply)[0] for _ in range(repeats))


def count_flops(run: Callable[[], object]) -> int:
    """FLOPs of matrix products, convolutions and attention in a call; two for a multiply-add."""
    # Operators of their own on the CPU, which torch does not count.
    on_cpu = {
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
        torch.ops.mkldnn._linear_pointwise: _linear_flops,
    }
    with FlopCounterMode(display=False, custom_mapping=on_cpu) as counter:
        run()
    return counter.get_total_flops()


def _attention_flops(q_shape, k_shape, v_shape, *_, **__) -> int:
    return sdpa_flop_count(q_shape, k_shape, v_shape)


def _linear_flops(x_shape, weight_shape, *_, **__) -> int:
    return 2 * math.prod(x_shape) * weight_shape[0]


def in_fresh_process(function: Callable[..., T], *arguments) -> T:
    """Call a module-level function in a process of its own, with as many threads as this one."""
    with ProcessPoolExecutor(
        1, get_context("spawn"), torch.set_num_threads, (torch.get_num_threads(),)
    ) as pool:
        return pool.submit(function, *arguments).result()


class MemoryGrowth:
    """Bytes of memory that this process takes beyond what it had when this was made.

    Needs Linux with glibc.
    """

    def __init__(self):
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # freed memory that the process still holds would hide growth
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
        self._before = _status_bytes("VmRSS")

    def now(self) -> int:
        """Growth at this moment."""
        return _status_bytes("VmRSS") - self._before

    def peak(self) -> int:
        """The largest growth so far."""
        return _status_bytes("VmHWM") - self._before


def _status_bytes(field: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return 1024 * int(line.split()[1])
