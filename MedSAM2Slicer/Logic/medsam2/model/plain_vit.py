"""EfficientTAM's image encoder: a plain vision transformer and its neck (``ViT``, ``ViTDetNeck``).

One width and one map, at stride 16, from the first block to the last. Most blocks attend within windows.
"""

import math
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parameter import Parameter

from .config import NetworkConfig
from .layers import MLP, PatchEmbed, neck_layers
from .windows import WindowedAttention

PATCH = 16
"""Side of a token in pixels."""


class Block(nn.Module):
    """Attention, then a feed-forward layer; each normalised first."""

    def __init__(self, dim: int, heads: int, window: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = WindowedAttention(dim, dim, heads, window)
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

    def forward(self, images: Tensor) -> Tensor:
        """The map at stride 16."""
        return self.neck(self.trunk(images))
