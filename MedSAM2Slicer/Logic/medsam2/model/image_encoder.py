"""The image encoder: the Hiera trunk and a feature pyramid on top of it (``ImageEncoder``, ``FpnNeck``)."""

from collections.abc import Sequence

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

    def forward(self, levels: list[Tensor], finer: Sequence[nn.Conv2d]) -> tuple[Tensor, Tensor, Tensor]:
        """Trunk outputs (strides 4, 8, 16, 32) to maps at strides 4 and 8, which ``finer`` go over, and 16.

        ``finer`` are the mask decoder's 1 x 1 convolutions. Each is joined with the lateral one before it, so
        that the wide maps between them, the largest of all, are never made: saves a twentieth of the encoder.
        """
        deepest, s16 = (conv(level) for conv, level in zip(self.convs, levels[:1:-1], strict=False))
        s16 = s16 + F.interpolate(deepest.float(), scale_factor=2.0, mode="nearest").to(s16.dtype)
        s4, s8 = (
            F.conv2d(level, *_joined(lateral.get_submodule("conv"), after))
            for level, lateral, after in zip(levels, reversed(self.convs), finer, strict=False)
        )
        return s4, s8, s16


def _joined(first: nn.Module, second: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """Weights and bias of one 1 x 1 convolution that does what two do."""
    assert isinstance(first, nn.Conv2d)
    assert first.bias is not None
    assert second.bias is not None
    after = second.weight.flatten(1)
    weight, bias = after @ first.weight.flatten(1), after @ first.bias + second.bias
    return weight[..., None, None], bias


class ImageEncoder(nn.Module):
    """Images (B, 3, S, S) to maps at strides 4, 8 and 16."""

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.trunk = Hiera(config)
        self.neck = FpnNeck(self.trunk.channels, config.model_dim)

    def forward(self, images: Tensor, finer: Sequence[nn.Conv2d]) -> tuple[Tensor, Tensor, Tensor]:
        """The maps at strides 4, 8 and 16, as of ``FpnNeck``."""
        return self.neck(self.trunk(images), finer)
