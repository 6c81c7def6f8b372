"""The image encoder of MobileSAM and LiteMedSAM: TinyViT (Wu et al. 2022) with SAM's neck.

A stage of convolutions, then three of attention within windows, each with a learned bias for every
distance. Only the first two stages halve the map, so the last one keeps stride 16 in MobileSAM. LiteMedSAM,
which sees 256 pixels, does not shrink the image at the entrance, and so ends at stride 4: on 64 x 64 too.
"""

from collections import OrderedDict
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parameter import Parameter

from .attention import attend
from .layers import neck_layers
from .products import Linear
from .slice_wise_config import TinyViTSizes
from .windows import join_windows, split_windows

WIDTHS = (64, 128, 160, 320)
DEPTHS = (2, 2, 6, 2)
HEADS = (2, 4, 5, 10)
WINDOWS = (7, 7, 14, 7)
STRIDES = (2, 2, 1)
"""Widths, blocks, heads and window sides of the four stages, and the strides between them."""
IMAGENET_CLASSES = 1000


class ConvNorm(nn.Sequential):
    """A convolution that keeps the map's size at stride 1, and the batch norm after it."""

    c: nn.Conv2d
    bn: nn.BatchNorm2d

    def __init__(self, dim_in: int, dim_out: int, kernel: int = 1, stride: int = 1, groups: int = 1):
        conv = nn.Conv2d(dim_in, dim_out, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
        super().__init__(OrderedDict(c=conv, bn=nn.BatchNorm2d(dim_out)))

    def forward(self, x: Tensor) -> Tensor:
        """Both as one convolution, with the norm's stored statistics: a tenth faster than one by one."""
        conv, norm = self.c, self.bn
        mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
        scale = norm.weight / (variance + norm.eps).sqrt()
        weight, bias = conv.weight * scale.view(-1, 1, 1, 1), norm.bias - mean * scale
        return F.conv2d(x, weight, bias, conv.stride, conv.padding, groups=conv.groups)


class MBConv(nn.Module):
    """A depth-wise convolution between two that widen and narrow the map, added to its input."""

    def __init__(self, dim: int):
        super().__init__()
        self.conv1 = ConvNorm(dim, 4 * dim)
        self.conv2 = ConvNorm(4 * dim, 4 * dim, kernel=3, groups=4 * dim)
        self.conv3 = ConvNorm(4 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, dim, H, W) to the same."""
        inner = F.gelu(self.conv2(F.gelu(self.conv1(x))))
        return F.gelu(x + self.conv3(inner))


class PatchMerging(nn.Module):
    """The way into the next stage: wider, and smaller by the stride."""

    def __init__(self, dim_in: int, dim_out: int, stride: int):
        super().__init__()
        self.conv1 = ConvNorm(dim_in, dim_out)
        self.conv2 = ConvNorm(dim_out, dim_out, kernel=3, stride=stride, groups=dim_out)
        self.conv3 = ConvNorm(dim_out, dim_out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, dim_in, H, W) to (B, dim_out, H / stride, W / stride)."""
        return self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x)))))


class WindowAttention(nn.Module):
    """Self-attention within a square window; every pair of tokens gets the bias of its distance."""

    bias_index: Tensor

    def __init__(self, dim: int, heads: int, side: int):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(dim)
        self.qkv = Linear(dim, 3 * dim)
        self.proj = Linear(dim, dim)
        self.attention_biases = Parameter(torch.zeros(heads, side * side))
        rows, columns = torch.arange(side * side) // side, torch.arange(side * side) % side
        apart = [(axis[:, None] - axis[None]).abs() for axis in (rows, columns)]
        self.register_buffer("bias_index", apart[0] * side + apart[1], persistent=False)

    def forward(self, windows: Tensor) -> Tensor:
        """(windows, side, side, dim) to the same."""
        tokens = self.norm(windows).flatten(1, 2)
        # A head's query, key and value lie side by side: (windows, heads, tokens, 3 * width).
        heads = self.qkv(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        q, k, v = heads.chunk(3, dim=-1)
        bias = self.attention_biases[:, self.bias_index].to(q.dtype)
        out = attend(q, k, v, bias)
        return self.proj(out.transpose(1, 2).flatten(2)).view(windows.shape)


class FeedForward(nn.Module):
    """A norm and two linear layers (``Mlp`` upstream)."""

    def __init__(self, dim: int):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.fc1 = Linear(dim, 4 * dim)
        self.fc2 = Linear(4 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(..., dim) to the same."""
        return self.fc2(F.gelu(self.fc1(self.norm(x))))


class TinyViTBlock(nn.Module):
    """Attention within windows, a depth-wise convolution across their borders, a feed-forward layer."""

    def __init__(self, dim: int, heads: int, window: int):
        super().__init__()
        self.window = window
        self.attn = WindowAttention(dim, heads, window)
        self.local_conv = ConvNorm(dim, dim, kernel=3, groups=dim)
        self.mlp = FeedForward(dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, dim, H, W) to the same."""
        x = x.permute(0, 2, 3, 1)
        # The zeros that fill the last windows take part, as they did in training.
        windows, padded = split_windows(x, self.window)
        x = x + join_windows(self.attn(windows), self.window, padded, (x.shape[1], x.shape[2]))
        x = self.local_conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return (x + self.mlp(x)).permute(0, 3, 1, 2)


class Stage(nn.Module):
    """Blocks of one width; all stages but the last lead into the next."""

    def __init__(self, index: int):
        super().__init__()
        dim, heads, window = WIDTHS[index], HEADS[index], WINDOWS[index]
        self.blocks = nn.ModuleList(
            TinyViTBlock(dim, heads, window) if index else MBConv(dim) for _ in range(DEPTHS[index])
        )
        last = index == len(STRIDES)
        self.downsample = None if last else PatchMerging(dim, WIDTHS[index + 1], STRIDES[index])

    def forward(self, x: Tensor) -> Tensor:
        """(B, dim, H, W) to (B, next dim, H / stride, W / stride)."""
        for block in self.blocks:
            x = block(x)
        return x if self.downsample is None else self.downsample(x)


class TinyViT(nn.Module):
    """The encoder: four stages and the neck.

    Args:
        sizes: of the entrance.
        model_dim: channels of the result.
    """

    def __init__(self, sizes: TinyViTSizes, model_dim: int):
        super().__init__()
        width, kernel = WIDTHS[0], sizes.patch_kernel
        stride = (kernel + 1) // 2
        entrance = nn.Sequential(
            ConvNorm(3, width // 2, kernel, stride),
            nn.GELU(),
            ConvNorm(width // 2, width, kernel, stride),
        )
        self.patch_embed = nn.Sequential(OrderedDict(seq=entrance))
        self.layers = nn.ModuleList(Stage(index) for index in range(len(WIDTHS)))
        if sizes.has_classifier:  # in the file, and never used
            self.norm_head = nn.LayerNorm(WIDTHS[-1])
            self.head = Linear(WIDTHS[-1], IMAGENET_CLASSES)
        self.neck = nn.Sequential(*neck_layers(WIDTHS[-1], model_dim))

    @property
    def blocks(self) -> Iterator[nn.Module]:
        """All blocks, first to last."""
        return (module for module in self.modules() if isinstance(module, MBConv | TinyViTBlock))

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, S, S) to (B, model_dim, s, s), s a sixteenth of S, or a fourth of it."""
        x = self.patch_embed(images.contiguous(memory_format=torch.channels_last))
        for stage in self.layers:
            x = stage(x)
        return self.neck(x)
