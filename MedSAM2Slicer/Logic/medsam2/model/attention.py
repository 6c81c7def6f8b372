"""Scaled dot product attention, computed in the way that is quickest on a processor."""

from collections.abc import Iterator
from functools import cache
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from .products import QUICKER, is_onednn_quicker, linear, sigmoid_of_linear, times_as_quick

MANY_LOGITS = 2**17
"""So many of a head are worth products of their own."""
QUERIES, QUERIES_OF_SIGMOIDS, KEYS_OF_SIGMOIDS = 256, 512, 4096
"""So many of a head at a time, whose logits then stay in the processor's cache."""
FEW_KEYS = 64
FAR_BELOW = 7.0
"""So far below 0 an exponential and a sigmoid are as good as the same: bf16 hardly tells them apart."""
ROUNDED_UP = 1.01
"""By so much the product of two lengths in bf16 is at least what it is."""
LEAST_TOTAL = 1e-30
"""Of a query's exponentials: of less, some may have come out as 0."""


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """What queries find at keys: the sum of the values, weighted by the softmax of the logits.

    torch's own never holds all logits. On a processor plain products are mostly quicker: saves 4 % of a slice
    in fp32 with MKL, with oneDNN a sixth, and in bf16 a third and more.

    Args:
        q: (B, heads, N, C).
        k: (B, heads, M, C).
        v: (B, heads, M, D); D is C unless ``takes_narrow_values`` allows less.
        bias: added to the logits, broadcast to (B, heads, N, M); best one row, that of the keys.

    Returns:
        (B, heads, N, D).
    """
    if takes_narrow_values(q):
        is_narrow, is_bf16 = v.shape[-1] < q.shape[-1], q.dtype == torch.bfloat16
        if q.shape[-2] * k.shape[-2] >= MANY_LOGITS:
            if is_narrow or is_bf16 or is_onednn_quicker():
                return _head_by_head(q, k, v, bias)
        elif is_narrow or is_bf16 or k.shape[-2] <= FEW_KEYS:
            return _all_heads(q, k, v, bias)
    mask = None if bias is None else bias.to(q.dtype).expand(*q.shape[:-1], -1)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def takes_narrow_values(q: Tensor) -> bool:
    """Whether values may be narrower than these queries: on a processor, with nothing to be learnt."""
    is_known = q.dtype in (torch.float32, torch.bfloat16)
    return q.device.type == "cpu" and is_known and not torch.is_grad_enabled()


def _all_heads(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    logits = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
    logits = logits if bias is None else logits + bias.to(q.dtype)
    return logits.softmax(dim=-1) @ v


def _head_by_head(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    by_sigmoids = q.dtype == torch.bfloat16 and (bias is None or bias.shape[-2] == 1) and is_sigmoid_quick()
    find, count = (_by_sigmoids, QUERIES_OF_SIGMOIDS) if by_sigmoids else (_by_softmax, QUERIES)
    bias = None if bias is None else bias.expand(*q.shape[:-1], -1)
    q, k, v = (each.contiguous() for each in (q * q.shape[-1] ** -0.5, k, v))
    found = q.new_empty(*q.shape[:-1], v.shape[-1])
    for image, head, some in product(range(len(q)), range(q.shape[1]), _parts(q.shape[2], count)):
        part = (image, head, some)
        found[part] = find(q[part], k[image, head], v[image, head], None if bias is None else bias[part])
    return found


def _by_softmax(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    """Some scaled queries (N, C) of one head, its keys (M, C) and values (M, D), and a bias (N, M)."""
    logits = linear(q, k)
    logits = logits if bias is None else logits + bias.to(q.dtype)
    return linear(logits.softmax(dim=-1), v.T)


def _by_sigmoids(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    """As ``_by_softmax``, in bf16, with a bias whose rows are all the same.

    oneDNN takes sigmoids of a product's sums before it rounds them: no pass over the logits for the softmax,
    and a third less error. Saves a tenth of a slice of 1024 pixels. No logit exceeds the product of the
    longest query and the longest key; so much is taken off all of them.
    """
    longest_q, longest_k = (torch.linalg.vector_norm(each, dim=-1).amax().float() for each in (q, k))
    most = ROUNDED_UP * longest_q * longest_k
    key_bias = torch.zeros(len(k)) if bias is None else bias[0].float()
    key_bias = key_bias - (most + key_bias.amax() + FAR_BELOW)
    found, total = torch.zeros(len(q), v.shape[-1]), torch.zeros(len(q), 1)
    for some in _parts(len(k), KEYS_OF_SIGMOIDS):
        exponentials = sigmoid_of_linear(q, k[some], key_bias[some])
        total += exponentials.sum(dim=-1, keepdim=True)
        found += linear(exponentials, v[some].T)
    return found / total if total.min() > LEAST_TOTAL else _by_softmax(q, k, v, bias)


def _parts(count: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, count, size))


@cache
def is_sigmoid_quick() -> bool:
    """Whether this torch can, and is not slower by it; measured once, in milliseconds."""
    with torch.inference_mode():
        q, k, v = (torch.randn(count, 64).bfloat16() / 8 for count in (512, 1024, 1024))
        try:
            ways = (lambda: _by_softmax(q, k, v, None), lambda: _by_sigmoids(q, k, v, None))
            return times_as_quick(*ways) > 1 / QUICKER
        except (AttributeError, NotImplementedError, RuntimeError):  # a torch without it
            return False
