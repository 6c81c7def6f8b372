"""The image encoder of SAM: a plain vision transformer with relative positions (``ImageEncoderViT``).

One width and one map from the first block to the last (Li et al. 2022, ViTDet). Most blocks attend within
windows, a few over the whole map.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parameter import Parameter

from .attention import attend
from .layers import MLPBlock, PatchEmbed, neck_layers
from .products import Linear
from .slice_wise_config import ViTSizes
from .vit_adapter import Adapter
from .windows import join_windows, split_windows


class WindowAttention(nn.Module):
    """Self-attention within square windows, one of which may be the whole map.

    Rows and columns between two tokens each add to their attention (Li et al. 2022, MViTv2), by as much as
    the query says: so the addend is as large as the attention itself, and is made for one head at a time.
    """

    def __init__(self, dim: int, heads: int, side: int):
        super().__init__()
        self.heads = heads
        self.side = side
        self.qkv = Linear(dim, 3 * dim)
        self.proj = Linear(dim, dim)
        self.rel_pos_h = Parameter(torch.zeros(2 * side - 1, dim // heads))
        self.rel_pos_w = Parameter(torch.zeros(2 * side - 1, dim // heads))

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, dim) to the same shape."""
        # Windows are filled up with zeros before this layer, which are the bias alone after it.
        windows, padded = split_windows(self.qkv.without_bias(x), self.side)
        windows = windows + self.qkv.bias.to(windows.dtype)
        heads = windows.flatten(1, 2).unflatten(-1, (3, self.heads, -1)).permute(2, 3, 0, 1, 4)
        out = torch.stack([self._attend(q, k, v) for q, k, v in zip(*heads, strict=True)], dim=2)
        windows = out.flatten(2).unflatten(1, (self.side, self.side))
        return self.proj(join_windows(windows, self.side, padded, (x.shape[1], x.shape[2])))

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """One head, in each window: three times (windows, tokens, C) to the same shape."""
        steps = torch.arange(self.side, device=q.device)
        apart = steps[:, None] - steps + self.side - 1
        queries = q.unflatten(1, (self.side, self.side))
        by_row = torch.einsum("bhwc,hkc->bhwk", queries, self.rel_pos_h[apart])
        by_column = torch.einsum("bhwc,wkc->bhwk", queries, self.rel_pos_w[apart])
        bias = (by_row[..., :, None] + by_column[..., None, :]).flatten(3).flatten(1, 2)
        attended = attend(q[:, None], k[:, None], v[:, None], bias[:, None])
        return attended[:, 0]


class Block(nn.Module):
    """Attention, then a feed-forward layer, with SAM-Med2D's adapter beside it."""

    def __init__(self, dim: int, heads: int, side: int, has_adapter: bool):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = WindowAttention(dim, heads, side)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = MLPBlock(dim, 4 * dim, dim, activation=F.gelu)
        if has_adapter:
            self.Adapter = Adapter(dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, dim) to the same shape."""
        x = x + self.attn(self.norm1(x))
        normed = self.norm2(x)
        x = x + self.mlp(normed)
        return x + self.Adapter(normed) if hasattr(self, "Adapter") else x


class SamViT(nn.Module):
    """The encoder.

    Args:
        sizes: of the transformer.
        grid: rows and columns of its map.
        dim: channels of the features.
    """

    def __init__(self, sizes: ViTSizes, grid: int, dim: int):
        super().__init__()
        self.patch_embed = PatchEmbed(sizes.width, sizes.stride)
        self.pos_embed = Parameter(torch.zeros(1, grid, grid, sizes.width))
        self.blocks = nn.ModuleList(
            Block(
                sizes.width,
                sizes.heads,
                grid if index in sizes.global_blocks else sizes.window,
                sizes.has_adapters,
            )
            for index in range(sizes.depth)
        )
        self.neck = nn.Sequential(*neck_layers(sizes.width, dim))

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, S, S) to features (B, dim, S / 16, S / 16)."""
        x = self.patch_embed(images) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.neck(x.permute(0, 3, 1, 2))
