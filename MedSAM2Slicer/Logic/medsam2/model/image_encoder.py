"""The image encoder: the Hiera trunk and a feature pyramid on top of it (``ImageEncoder``, ``FpnNeck``)."""

import torch.nn.functional as F
from torch import Tensor, nn

from .config import NetworkConfig
from .hiera import Hiera


class LateralConv(nn.Module):
    """A 1 x 1 convolution; a module of its own only for the official parameter name ``convs.N.conv``."""

    def __init__(self, dim_in: int, dim_out: int):
        super().__init__()
        self.conv = nn.Conv2d(dim_in, dim_out, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, dim_in, H, W) to (B, dim_out, H, W)."""
        return self.conv(x)


class FpnNeck(nn.Module):
    """Brings every level to ``model_dim`` channels; only stride 16 also hears from stride 32."""

    def __init__(self, channels: list[int], model_dim: int):
        super().__init__()
        # Deepest first, as in the official checkpoints.
        self.convs = nn.ModuleList(LateralConv(dim, model_dim) for dim in reversed(channels))

    def forward(self, levels: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Trunk outputs (strides 4, 8, 16, 32) to maps at strides 4, 8 and 16."""
        deepest, s16, s8, s4 = (conv(level) for conv, level in zip(self.convs, reversed(levels), strict=True))
        s16 = s16 + F.interpolate(deepest.float(), scale_factor=2.0, mode="nearest").to(s16.dtype)
        return s4, s8, s16


class ImageEncoder(nn.Module):
    """Images (B, 3, S, S) to maps of ``model_dim`` channels at strides 4, 8 and 16."""

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.trunk = Hiera(config)
        self.neck = FpnNeck(self.trunk.channels, config.model_dim)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The maps at strides 4, 8 and 16."""
        return self.neck(self.trunk(images))
