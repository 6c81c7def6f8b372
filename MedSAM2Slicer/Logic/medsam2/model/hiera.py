"""The image encoder's trunk: Hiera, a hierarchical vision transformer (Ryali et al. 2023).

Four stages at strides 4, 8, 16 and 32. Most blocks attend within windows; a few attend globally. The
first block of each later stage pools its queries, which halves the map.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parameter import Parameter

from .config import NetworkConfig
from .layers import MLP


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
    return F.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)


class MultiScaleAttention(nn.Module):
    """Self-attention over a map; may pool its queries, so that the output map is half as large."""

    def __init__(self, dim_in: int, dim_out: int, heads: int, pools: bool):
        super().__init__()
        self.heads = heads
        self.pools = pools
        self.qkv = nn.Linear(dim_in, 3 * dim_out)
        self.proj = nn.Linear(dim_out, dim_out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, dim_in) to (B, H or H/2, W or W/2, dim_out)."""
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        if self.pools:
            q = pool(q)
        height, width = q.shape[1:3]

        def heads_first(t: Tensor) -> Tensor:
            return t.flatten(1, 2).unflatten(-1, (self.heads, -1)).transpose(1, 2)

        out = F.scaled_dot_product_attention(heads_first(q), heads_first(k), heads_first(v))
        return self.proj(out.transpose(1, 2).flatten(2).unflatten(1, (height, width)))


class MultiScaleBlock(nn.Module):
    """Attention within windows (or globally, ``window`` 0), then a feed-forward layer."""

    def __init__(self, dim_in: int, dim_out: int, heads: int, window: int, pools: bool):
        super().__init__()
        self.window = window
        self.pools = pools
        self.norm1 = nn.LayerNorm(dim_in, eps=1e-6)
        self.attn = MultiScaleAttention(dim_in, dim_out, heads, pools)
        self.norm2 = nn.LayerNorm(dim_out, eps=1e-6)
        self.mlp = MLP(dim_out, 4 * dim_out, dim_out, activation=F.gelu)
        if dim_in != dim_out:
            self.proj = nn.Linear(dim_in, dim_out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, dim_in) to (B, H or H/2, W or W/2, dim_out)."""
        normed = self.norm1(x)
        shortcut = x
        if hasattr(self, "proj"):
            shortcut = self.proj(normed)
            shortcut = pool(shortcut) if self.pools else shortcut
        height, width = shortcut.shape[1:3]
        x = shortcut + self._attend(normed, (height, width))
        return x + self.mlp(self.norm2(x))

    def _attend(self, x: Tensor, out_size: tuple[int, int]) -> Tensor:
        if self.window == 0:
            return self.attn(x)
        windows, padded = split_windows(x, self.window)
        windows = self.attn(windows)
        if self.pools:
            padded = (padded[0] // 2, padded[1] // 2)
        return join_windows(windows, windows.shape[1], padded, out_size)


class PatchEmbed(nn.Module):
    """The image to stride-4 tokens by one 7 x 7 convolution."""

    def __init__(self, dim: int):
        super().__init__()
        self.proj = nn.Conv2d(3, dim, kernel_size=7, stride=4, padding=3)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) to (B, S/4, S/4, dim)."""
        return self.proj(images).permute(0, 2, 3, 1)


class Hiera(nn.Module):
    """The trunk; ``channels`` are the widths of its outputs, stride 4 first."""

    def __init__(self, config: NetworkConfig):
        super().__init__()
        stage_count = len(config.stages)
        self.channels = [config.embed_dim * 2**stage for stage in range(stage_count)]
        ends = [sum(config.stages[: stage + 1]) - 1 for stage in range(stage_count)]
        self.stage_ends = set(ends)
        self.patch_embed = PatchEmbed(config.embed_dim)
        background, window = config.position_background, config.windows[0]
        self.pos_embed = Parameter(torch.zeros(1, config.embed_dim, background, background))
        self.pos_embed_window = Parameter(torch.zeros(1, config.embed_dim, window, window))
        self.blocks = nn.ModuleList(_blocks(config, ends))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (B, 3, S, S) to four maps (B, C, S/stride, S/stride) at strides 4, 8, 16, 32."""
        x = self.patch_embed(images)
        x = x + self._positions(x.shape[1:3])
        outputs = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.stage_ends:
                outputs.append(x.permute(0, 3, 1, 2))
        return outputs

    def _positions(self, size: tuple[int, int]) -> Tensor:
        """A coarse embedding stretched over the map plus one repeated in every window."""
        stretched = F.interpolate(self.pos_embed, size=size, mode="bicubic")
        window = self.pos_embed_window
        repeats = [-(-length // side) for length, side in zip(size, window.shape[2:], strict=True)]
        tiled = window.tile(1, 1, *repeats)[:, :, : size[0], : size[1]]
        return (stretched + tiled).permute(0, 2, 3, 1)


def _blocks(config: NetworkConfig, ends: list[int]) -> Iterator[MultiScaleBlock]:
    """The blocks in order. The block that enters a stage still uses the window of the one before."""
    dim, heads, stage = config.embed_dim, config.num_heads, 0
    for index in range(sum(config.stages)):
        window = 0 if index in config.global_blocks else config.windows[stage]
        enters_stage = index - 1 in ends
        dim_out = 2 * dim if enters_stage else dim
        if enters_stage:
            heads, stage = 2 * heads, stage + 1
        yield MultiScaleBlock(dim, dim_out, heads, window, pools=enters_stage)
        dim = dim_out
