"""The memory encoder: an image's features and its mask, fused into a memory (``MemoryEncoder``)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import NetworkConfig
from .layers import LayerNorm2d
from .products import Linear


class MaskDownSampler(nn.Module):
    """The mask at image size to stride 16 by four strided convolutions."""

    def __init__(self, dim: int):
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for _ in range(4):
            layers += [
                nn.Conv2d(channels, 4 * channels, kernel_size=3, stride=2, padding=1),
                LayerNorm2d(4 * channels),
                nn.GELU(),
            ]
            channels *= 4
        self.encoder = nn.Sequential(*layers, nn.Conv2d(channels, dim, kernel_size=1))

    def forward(self, mask: Tensor) -> Tensor:
        """(B, 1, S, S) to (B, dim, S/16, S/16)."""
        return self.encoder(mask)


class ConvNextBlock(nn.Module):
    """A ConvNeXt block with layer scale (``CXBlock``)."""

    def __init__(self, dim: int):
        super().__init__()
        self.dwconv = nn.Conv2d(dim, dim, kernel_size=7, padding=3, groups=dim)
        self.norm = LayerNorm2d(dim)
        self.pwconv1 = Linear(dim, 4 * dim)
        self.pwconv2 = Linear(4 * dim, dim)
        self.gamma = nn.Parameter(torch.full((dim,), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        """(B, dim, H, W) to the same shape."""
        y = self.norm(self.dwconv(x)).permute(0, 2, 3, 1)
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))
        return x + y.permute(0, 3, 1, 2)


class Fuser(nn.Module):
    """Two ConvNeXt blocks; a module of its own for the official parameter names."""

    def __init__(self, dim: int):
        super().__init__()
        self.layers = nn.ModuleList(ConvNextBlock(dim) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """(B, dim, H, W) to the same shape."""
        for layer in self.layers:
            x = layer(x)
        return x


class MemoryEncoder(nn.Module):
    """Raw image features plus the mask, as a memory of ``memory_dim`` channels."""

    def __init__(self, config: NetworkConfig):
        super().__init__()
        dim = config.model_dim
        self.mask_downsampler = MaskDownSampler(dim)
        self.pix_feat_proj = nn.Conv2d(dim, dim, kernel_size=1)
        self.fuser = Fuser(dim)
        self.out_proj = nn.Conv2d(dim, config.memory_dim, kernel_size=1)

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """Features (B, dim, h, w) and scaled mask (B, 1, 16h, 16w) to a memory (B, memory_dim, h, w)."""
        x = self.pix_feat_proj(image) + self.mask_downsampler(mask)
        return self.out_proj(self.fuser(x))
