"""Scaled dot product attention, computed in the way that is quickest on a processor."""

from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from .products import is_onednn_quicker, linear

MANY_LOGITS = 2**17
"""So many of a head are worth products of their own."""
QUERIES = 256
"""So many of a head at a time, whose logits then stay in the processor's cache."""
FEW_KEYS = 64


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """What queries find at keys: the sum of the values, weighted by the softmax of the logits.

    torch's own never holds all logits. On a processor plain products are mostly quicker: saves 4 % of a slice
    in fp32 with MKL, with oneDNN a sixth, and in bf16 a third and more.

    Args:
        q: (B, heads, N, C).
        k: (B, heads, M, C).
        v: (B, heads, M, D); D is C unless ``takes_narrow_values`` allows less.
        bias: added to the logits (B, heads, N, M), broadcast to their shape.

    Returns:
        (B, heads, N, D).
    """
    if not takes_narrow_values(q):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
    is_narrow, is_bf16 = v.shape[-1] < q.shape[-1], q.dtype == torch.bfloat16
    if q.shape[-2] * k.shape[-2] >= MANY_LOGITS:
        if is_narrow or is_bf16 or is_onednn_quicker():
            return _head_by_head(q, k, v, bias)
    elif is_narrow or is_bf16 or k.shape[-2] <= FEW_KEYS:
        return _all_heads(q, k, v, bias)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)


def takes_narrow_values(q: Tensor) -> bool:
    """Whether values may be narrower than these queries: on a processor, with nothing to be learnt."""
    is_known = q.dtype in (torch.float32, torch.bfloat16)
    return q.device.type == "cpu" and is_known and not torch.is_grad_enabled()


def _all_heads(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    logits = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
    logits = logits if bias is None else logits + bias
    return logits.softmax(dim=-1) @ v


def _head_by_head(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    bias = None if bias is None else bias.expand(*q.shape[:-1], k.shape[-2])
    k, v = k.contiguous(), v.contiguous()
    found = q.new_empty(*q.shape[:-1], v.shape[-1])
    starts = range(0, q.shape[-2], QUERIES)
    for image, head, start in product(range(len(q)), range(q.shape[1]), starts):
        part = (image, head, slice(start, start + QUERIES))
        logits = linear(q[part] * q.shape[-1] ** -0.5, k[image, head])
        logits = logits if bias is None else logits + bias[part]
        found[part] = linear(logits.softmax(dim=-1), v[image, head].T)
    return found
