"""Square windows of a map, and attention within them."""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention import attend
from .products import Linear


def split_windows(x: Tensor, side: int) -> tuple[Tensor, tuple[int, int]]:
    """Cut (B, H, W, C) into windows (B * n, side, side, C), zero-padded; also the padded size."""
    _, height, width, channels = x.shape
    pad_h, pad_w = -height % side, -width % side
    if pad_h or pad_w:
        x = F.pad(x, (0, 0, 0, pad_w, 0, pad_h))
    padded = (height + pad_h, width + pad_w)
    x = x.unflatten(2, (-1, side)).unflatten(1, (-1, side)).transpose(2, 3)
    return x.reshape(-1, side, side, channels), padded


def join_windows(windows: Tensor, side: int, padded: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Inverse of ``split_windows``: windows back to (B, H, W, C), padding dropped."""
    rows, columns = padded[0] // side, padded[1] // side
    x = windows.reshape(-1, rows, columns, side, side, windows.shape[-1]).transpose(2, 3)
    return x.flatten(3, 4).flatten(1, 2)[:, : size[0], : size[1]]


def pool(x: Tensor) -> Tensor:
    """Halve a (B, H, W, C) map by the maximum over 2 x 2 pixels."""
    x = torch.maximum(x[:, 0::2], x[:, 1::2])
    return torch.maximum(x[:, :, 0::2], x[:, :, 1::2])


class WindowedAttention(nn.Module):
    """Self-attention over a map, globally (``window`` 0) or within windows of that side.

    The last windows of a row or a column reach beyond the map. What lies there is zero, so that all its keys
    are the same: they enter as one key that counts as many times, which saves an eighth of Hiera's work at
    512 pixels.

    Args:
        dim, dim_out: channels of the map, and of the result.
        heads: number of heads.
        window: side of the windows, even where it pools.
        pools: halve the queries, so that the output map is half as large.
    """

    def __init__(self, dim: int, dim_out: int, heads: int, window: int, pools: bool = False):
        super().__init__()
        self.heads = heads
        self.window = window
        self.pools = pools
        self.qkv = Linear(dim, 3 * dim_out)
        self.proj = Linear(dim_out, dim_out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, dim) to (B, H or H/2, W or W/2, dim_out)."""
        qkv = self.qkv(x)
        side = self.window or max(x.shape[1:3])
        rows = [
            _joined([self._attend(part, side) for part in _whole_and_cut(band, 2, side)], 2)
            for band in _whole_and_cut(qkv, 1, side)
        ]
        return self.proj(_joined(rows, 1))

    def _attend(self, qkv: Tensor, side: int) -> Tensor:
        """Attend within the windows of (B, H, W, 3 * dim_out), whose sides are ``side`` or the map's own."""
        height, width = (min(side, length) for length in qkv.shape[1:3])
        windows = qkv.unflatten(2, (-1, width)).unflatten(1, (-1, height)).transpose(2, 3)
        grid = windows.shape[:3]
        queries, keys, values = windows.flatten(0, 2).chunk(3, dim=-1)
        if self.pools:
            queries = pool(queries)
        size = queries.shape[1:3]
        q, k, v = (self._heads_first(part.flatten(1, 2)) for part in (queries, keys, values))
        beyond = side**2 - height * width if self.window else 0
        bias = None
        if beyond:
            _, *there = self.qkv.bias.to(q.dtype).expand(len(q), 1, -1).chunk(3, dim=-1)
            k_beyond, v_beyond = (self._heads_first(part) for part in there)
            k, v = torch.cat((k, k_beyond), dim=2), torch.cat((v, v_beyond), dim=2)
            bias = q.new_zeros(1, 1, 1, k.shape[2])
            bias[..., -1] = math.log(beyond)
        out = attend(q, k, v, bias).transpose(1, 2).flatten(2)
        windows = out.unflatten(1, size).unflatten(0, grid)
        return windows.transpose(2, 3).flatten(3, 4).flatten(1, 2)

    def _heads_first(self, tokens: Tensor) -> Tensor:
        """(N, tokens, dim_out) to (N, heads, tokens, dim_out / heads)."""
        return tokens.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def _whole_and_cut(x: Tensor, dim: int, side: int) -> Iterator[Tensor]:
    """The part of a map along ``dim`` that whole windows fill, and the rest; only those that are there."""
    cut = x.shape[dim] % side
    return (part for part in x.split([x.shape[dim] - cut, cut], dim) if part.shape[dim])


def _joined(parts: list[Tensor], dim: int) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim)
