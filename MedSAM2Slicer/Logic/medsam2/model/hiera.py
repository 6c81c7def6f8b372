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
from .products import Linear
from .windows import WindowedAttention, join_windows, pool, split_windows

CACHED_TOKENS = 4096
"""So many tokens pass through a block at a time on a processor, in whose cache they stay."""


class MultiScaleBlock(nn.Module):
    """Attention within windows (or globally, ``window`` 0), then a feed-forward layer."""

    def __init__(self, dim_in: int, dim_out: int, heads: int, window: int, pools: bool):
        super().__init__()
        self.window = window
        self.pools = pools
        self.norm1 = nn.LayerNorm(dim_in, eps=1e-6)
        self.attn = WindowedAttention(dim_in, dim_out, heads, window, pools)
        self.norm2 = nn.LayerNorm(dim_out, eps=1e-6)
        self.mlp = MLP(dim_out, 4 * dim_out, dim_out, activation=F.gelu)
        if dim_in != dim_out:
            self.proj = Linear(dim_in, dim_out)

    def forward(self, x: Tensor) -> Tensor:
        """A map, or windows of one, (B, H, W, dim_in) to (B, H or H/2, W or W/2, dim_out)."""
        normed = self.norm1(x)
        shortcut = x
        if hasattr(self, "proj"):
            shortcut = self.proj(normed)
            shortcut = pool(shortcut) if self.pools else shortcut
        x = shortcut + self.attn(normed)
        return x + self.mlp(self.norm2(x))


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
        side, outputs = x.shape[1], []
        for index, block in enumerate(self.blocks):
            assert isinstance(block, MultiScaleBlock)
            # Blocks of like windows hand these on as they are: no copies to a map and back between them.
            is_whole = block.window > 0 and side % block.window == 0
            x = _few_at_a_time(block, _in_windows(x, side, block.window if is_whole else side))
            side = side // 2 if block.pools else side
            if index in self.stage_ends:
                outputs.append(_in_windows(x, side, side).permute(0, 3, 1, 2))
        return outputs

    def _positions(self, size: tuple[int, int]) -> Tensor:
        """A coarse embedding stretched over the map plus one repeated in every window."""
        stretched = F.interpolate(self.pos_embed, size=size, mode="bicubic")
        window = self.pos_embed_window
        repeats = [-(-length // side) for length, side in zip(size, window.shape[2:], strict=True)]
        tiled = window.tile(1, 1, *repeats)[:, :, : size[0], : size[1]]
        return (stretched + tiled).permute(0, 2, 3, 1)


def _in_windows(x: Tensor, side: int, wanted: int) -> Tensor:
    """Windows (B * n, s, s, C) of a map of ``side``, or that map, in the ``wanted`` size."""
    if x.shape[1] not in (side, wanted):
        x = join_windows(x, x.shape[1], (side, side), (side, side))
    return x if x.shape[1] == wanted else split_windows(x, wanted)[0]


def _few_at_a_time(block: nn.Module, windows: Tensor) -> Tensor:
    """Windows through a block. In parts they stay in the processor's cache: saves 7 % of the encoder."""
    is_cached = windows.device.type == "cpu"
    count = max(1, CACHED_TOKENS // windows[0, ..., 0].numel()) if is_cached else len(windows)
    if len(windows) <= count:
        return block(windows)
    return torch.cat([block(part) for part in windows.split(count)])


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
