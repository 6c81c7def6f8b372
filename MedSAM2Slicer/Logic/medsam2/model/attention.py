"""Scaled dot product attention, computed in the way that is quickest on a processor."""

import math
from collections.abc import Iterator
from functools import cache
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from .int8 import Int8Rows, times
from .products import QUICKER, is_onednn_quicker, linear, sigmoid_of_linear, times_as_quick

MANY_LOGITS = 2**17
"""So many of a head are worth products of their own."""
QUERIES = 256
"""So many of a head at a time, whose logits then stay in the processor's cache."""
QUERIES_OF_SIGMOIDS, BYTES_OF_LOGITS = 2048, 2**23
"""So many queries and so many logits at a time, where one pass over these is all."""
FEW_KEYS = 64
SAMPLE = 32, 1024
"""So many queries and keys of a head, or somewhat more, show how high its logits are."""
FAR_BELOW = {torch.bfloat16: 7.0, torch.float32: 17.0}
"""So far below 0 an exponential and a sigmoid are as good as the same: the numbers hardly tell them apart."""
HIGHER = 16.0
"""By so much the highest logit of a query may lie above the highest that the sample shows."""
LOWEST = -62.0
"""So low the highest logit of a query may be: exponentials that come out as 0, below -87, change nothing."""
FARTHEST = 2.0**64
"""The exponentials of a query, relative to its highest logit in the sample, add up to less, and to more than
the reciprocal; else it goes by softmax."""


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
    bias = None if bias is None else bias.expand(*q.shape[:-1], -1)
    q, k, v = (each.contiguous() for each in (q * q.shape[-1] ** -0.5, k, v))
    found = q.new_empty(*q.shape[:-1], v.shape[-1])
    for head in product(range(len(q)), range(q.shape[1])):
        found[head] = _one_head(q[head], k[head], v[head], None if bias is None else bias[head])
    return found


def _one_head(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    """Scaled queries (N, C), keys (M, C), values (M, D), and a bias (N, M)."""
    is_of_keys = bias is None or bias.stride(0) == 0
    # In fp32 softmax takes as long for few queries, and needs no sample.
    are_many = len(q) > QUERIES or q.dtype == torch.bfloat16
    far = _distance_down(q, k, bias) if is_of_keys and are_many else None
    if far is None:
        return _by_softmax(q, k, v, bias)
    parts = _parts(len(q), QUERIES_OF_SIGMOIDS)
    return torch.cat([_by_sigmoids(q[some], k, v, bias, far) for some in parts])


def _distance_down(q: Tensor, k: Tensor, bias: Tensor | None) -> float | None:
    """From where the logits are to where ``_by_sigmoids`` needs them; None where queries differ too much."""
    if not is_sigmoid_quick(q.dtype):
        return None
    few, some = (slice(None, None, max(1, len(x) // most)) for x, most in zip((q, k), SAMPLE, strict=True))
    logits = linear(q[few], k[some].contiguous()).float()
    highest = (logits if bias is None else logits + bias[:1, some]).amax(dim=-1)
    least, most = (float(end) for end in highest.aminmax())
    far = most + HIGHER + FAR_BELOW[q.dtype]
    return far if least - far > LOWEST else None


def _by_softmax(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    """Scaled queries of a head, keys, values and bias as of ``_one_head``."""
    found = q.new_empty(len(q), v.shape[-1])
    for some in _parts(len(q), QUERIES):
        logits = linear(q[some], k)
        logits = logits if bias is None else logits + bias[some].to(q.dtype)
        found[some] = linear(logits.softmax(dim=-1), v.T)
    return found


def _by_sigmoids(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, far: float) -> Tensor:
    """As ``_by_softmax``, with a bias whose rows are all the same.

    oneDNN takes sigmoids of a product's sums before it rounds them: no pass over the logits for the softmax,
    and in bf16 a third less error. Saves a tenth of a slice of 1024 pixels, and 7 % of one of 512 in fp32. So
    that exponentials are sigmoids, all logits are put far below 0.

    Args:
        far: by how much.
    """
    key_bias = torch.full((len(k),), -far) if bias is None else bias[0].float() - far
    found = total = torch.zeros(())
    for some in _parts(len(k), BYTES_OF_LOGITS // (len(q) * q.itemsize)):
        exponentials = sigmoid_of_linear(q, k[some], key_bias[some])
        total = exponentials.sum(dim=-1, keepdim=True).float() + total
        found = linear(exponentials, v[some].T).float() + found
    found = (found / total).to(q.dtype)
    missed = ~((total > math.exp(LOWEST)) & (total < math.exp(-FAR_BELOW[q.dtype]))).squeeze(-1)
    if missed.any():
        asked = q[missed]
        found[missed] = _by_softmax(asked, k, v, None if bias is None else bias[: len(asked)])
    return found


def attend_in_int8(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """As ``attend`` on a processor, but for logits that come of queries and keys in 8 bits.

    Takes four sevenths of the time at 512 pixels and a third at 1024 with VNNI but no AVX-512. With both it
    saves a seventh at 1024, and with bf16 next to nothing.

    Args:
        bias: added to the logits of each key, (M,).
    """
    # What weighs a value multiplies it, and the number that all weights add up to.
    values = torch.cat((v, torch.ones_like(v[..., :1])), dim=-1)
    values = values if bias is None else values * bias.exp()[:, None].to(v.dtype)
    found = torch.empty(*q.shape[:-1], v.shape[-1], dtype=q.dtype)
    for head in product(range(len(q)), range(q.shape[1])):
        found[head], missed = _by_exponentials(q[head], k[head], values[head])
        if missed.any():
            rows = None if bias is None else bias.expand(int(missed.sum()), -1)
            found[head][missed] = _by_softmax(q[head][missed] * q.shape[-1] ** -0.5, k[head], v[head], rows)
    return found


def _by_exponentials(q: Tensor, k: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """What queries (N, C) find at keys (M, C), and for which of them (N,) that is wrong: see ``FARTHEST``.

    Args:
        values: (M, D + 1), times the weight of each key; the last is that weight.
    """
    queries = Int8Rows.of(q * (q.shape[-1] ** -0.5 * math.log2(math.e)))
    # Keys are what is rounded as it comes, for oneDNN takes ten times as long to sort a weight.
    highest = times(k[:: max(1, len(k) // SAMPLE[1])], queries).amax(dim=0).float()
    found = torch.zeros(())
    values = values.T.contiguous()
    for some in _parts(len(k), BYTES_OF_LOGITS // (len(q) * q.itemsize)):
        exponentials = times(k[some], queries, -highest).exp2_()
        found = (values[:, some] @ exponentials).float() + found
    total = found[-1]
    missed = ~((total > 1 / FARTHEST) & (total < FARTHEST))
    return (found[:-1] / total).T.to(q.dtype), missed


def _parts(count: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, count, size))


@cache
def is_sigmoid_quick(dtype: torch.dtype) -> bool:
    """Whether this torch can, and is not slower by it; measured once, in milliseconds."""
    if dtype == torch.float32 and not is_onednn_quicker():
        return False
    with torch.inference_mode():
        q, k, v = (torch.randn(count, 64).to(dtype) / 8 for count in (512, 1024, 1024))
        far = HIGHER + FAR_BELOW[dtype]
        ways = (lambda: _by_softmax(q, k, v, None), lambda: _by_sigmoids(q, k, v, None, far))
        return times_as_quick(*ways) > 1 / QUICKER
