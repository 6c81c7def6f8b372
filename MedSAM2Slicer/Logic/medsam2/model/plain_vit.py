"""EfficientTAM's image encoder: a plain vision transformer and its neck (``ViT``, ``ViTDetNeck``).

One width and one map, at stride 16, from the first block to the last. Most blocks attend within windows.
"""

import math
from collections import OrderedDict
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parameter import Parameter

from .config import NetworkConfig
from .layers import MLP, PatchEmbed, neck_layers

PATCH = 16
"""Side of a token in pixels."""


class WindowedAttention(nn.Module):
    """Self-attention over a map, globally (``window`` 0) or within windows of that side.

    The last windows of a row or a column reach beyond the map. What lies there is zero, so that all its keys
    are the same: they enter as one key that counts as many times.
    """

    def __init__(self, dim: int, heads: int, window: int):
        super().__init__()
        self.heads = heads
        self.window = window
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, dim) to the same shape."""
        qkv = self.qkv(x)
        side = self.window or max(x.shape[1:3])
        rows = [
            torch.cat([self._attend(part, side) for part in _whole_and_cut(band, 2, side)], dim=2)
            for band in _whole_and_cut(qkv, 1, side)
        ]
        return self.proj(torch.cat(rows, dim=1))

    def _attend(self, qkv: Tensor, side: int) -> Tensor:
        """Attend within the windows of (B, H, W, 3 * dim), whose sides are ``side`` or the map's own."""
        height, width = (min(side, length) for length in qkv.shape[1:3])
        windows = qkv.unflatten(2, (-1, width)).unflatten(1, (-1, height)).transpose(2, 3)
        grid = windows.shape[:3]
        q, k, v = self._split_heads(windows.flatten(0, 2).flatten(1, 2))
        beyond = side**2 - height * width if self.window else 0
        bias = None
        if beyond:
            _, k_beyond, v_beyond = self._split_heads(self.qkv.bias.to(q.dtype).expand(len(q), 1, -1))
            k, v = torch.cat((k, k_beyond), dim=2), torch.cat((v, v_beyond), dim=2)
            bias = q.new_zeros(k.shape[2])
            bias[-1] = math.log(beyond)
            bias = bias.expand(q.shape[2], -1)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias).transpose(1, 2).flatten(2)
        windows = out.unflatten(1, (height, width)).unflatten(0, grid)
        return windows.transpose(2, 3).flatten(3, 4).flatten(1, 2)

    def _split_heads(self, qkv: Tensor) -> tuple[Tensor, ...]:
        """(N, tokens, 3 * dim) to queries, keys and values (N, heads, tokens, dim / heads)."""
        return tuple(part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in qkv.chunk(3, dim=-1))


def _whole_and_cut(x: Tensor, dim: int, side: int) -> Iterator[Tensor]:
    """The part of a map along ``dim`` that whole windows fill, and the rest; only those that are there."""
    cut = x.shape[dim] % side
    return (part for part in x.split([x.shape[dim] - cut, cut], dim) if part.shape[dim])


class Block(nn.Module):
    """Attention, then a feed-forward layer; each normalised first."""

    def __init__(self, dim: int, heads: int, window: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = WindowedAttention(dim, heads, window)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = MLP(dim, 4 * dim, dim, activation=F.gelu)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, dim) to the same shape."""
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PlainViT(nn.Module):
    """The trunk."""

    def __init__(self, config: NetworkConfig):
        super().__init__()
        dim, (depth,), (window,) = config.embed_dim, config.stages, config.windows
        self.patch_embed = PatchEmbed(dim, PATCH)
        # The first of them was for the class token of the training before, which is gone.
        self.pos_embed = Parameter(torch.zeros(1, 1 + config.position_background**2, dim))
        self.blocks = nn.ModuleList(
            Block(dim, config.num_heads, 0 if index in config.global_blocks else window)
            for index in range(depth)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, S, S) to a map (B, dim, S/16, S/16)."""
        x = self.patch_embed(images)
        x = x + self._positions(x.shape[1:3])
        for block in self.blocks:
            x = block(x)
        return x.permute(0, 3, 1, 2)

    def _positions(self, size: tuple[int, int]) -> Tensor:
        """The position embedding stretched over the map."""
        positions = self.pos_embed[:, 1:].transpose(1, 2)
        side = math.isqrt(positions.shape[2])
        return F.interpolate(positions.unflatten(2, (side, side)), size=size, mode="bicubic").permute(
            0, 2, 3, 1
        )


class Neck(nn.Module):
    """To ``model_dim`` channels by two convolutions."""

    def __init__(self, dim: int, model_dim: int):
        super().__init__()
        names = ("conv_1x1", "norm_0", "conv_3x3", "norm_1")
        layers = zip(names, neck_layers(dim, model_dim), strict=True)
        self.convs = nn.ModuleList([nn.Sequential(OrderedDict(layers))])

    def forward(self, x: Tensor) -> Tensor:
        """(B, dim, H, W) to (B, model_dim, H, W)."""
        return self.convs[0](x)


class PlainImageEncoder(nn.Module):
    """Images (B, 3, S, S) to a single map of ``model_dim`` channels at stride 16."""

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.trunk = PlainViT(config)
        self.neck = Neck(config.embed_dim, config.model_dim)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """The map at stride 16."""
        return (self.neck(self.trunk(images)),)
