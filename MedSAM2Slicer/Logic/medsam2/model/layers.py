"""Small layers shared by several parts of the network."""

from collections.abc import Callable
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from .attention import attend
from .products import Linear


class LayerNorm2d(nn.LayerNorm):
    """Layer normalisation over the channels of a (B, C, H, W) map (``LayerNorm2d`` upstream)."""

    def __init__(self, channels: int):
        super().__init__(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each pixel's channels."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class PatchEmbed(nn.Module):
    """The image to tokens, each of its own pixels."""

    def __init__(self, dim: int, side: int):
        super().__init__()
        self.proj = nn.Conv2d(3, dim, kernel_size=side, stride=side)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) to (B, S / side, S / side, dim)."""
        return self.proj(images).permute(0, 2, 3, 1).contiguous()


def neck_layers(dim_in: int, dim: int) -> tuple[nn.Module, ...]:
    """From a plain encoder's map (B, dim_in, H, W) to features (B, dim, H, W): two convolutions, normed."""
    return (
        nn.Conv2d(dim_in, dim, kernel_size=1, bias=False),
        LayerNorm2d(dim),
        nn.Conv2d(dim, dim, kernel_size=3, padding=1, bias=False),
        LayerNorm2d(dim),
    )


class MLP(nn.Module):
    """Linear layers with an activation between them (``MLP`` upstream).

    Args:
        widths: input width, hidden widths, output width.
        activation: applied after every layer but the last.
    """

    def __init__(self, *widths: int, activation: Callable[[Tensor], Tensor] = F.relu):
        super().__init__()
        self.layers = nn.ModuleList(Linear(a, b) for a, b in pairwise(widths))
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """(..., first width) to (..., last width)."""
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)


class MLPBlock(nn.Module):
    """Two linear layers, by the names that SAM's files have (``MLPBlock`` upstream)."""

    def __init__(self, dim: int, hidden: int, dim_out: int, activation: Callable[[Tensor], Tensor] = F.relu):
        super().__init__()
        self.lin1 = Linear(dim, hidden)
        self.lin2 = Linear(hidden, dim_out)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """(..., dim) to (..., dim_out)."""
        return self.lin2(self.activation(self.lin1(x)))


class AttentionHeads(nn.Module):
    """The projections of multi-head attention with its own query, key and value widths.

    Args:
        dim: width of queries and of the output.
        heads: number of heads.
        inner_dim: width of the heads together; ``dim`` when not given.
        key_dim: width of keys and values on input; ``dim`` when not given.
    """

    def __init__(self, dim: int, heads: int, inner_dim: int | None = None, key_dim: int | None = None):
        super().__init__()
        inner_dim = inner_dim or dim
        key_dim = key_dim or dim
        self.heads = heads
        self.q_proj = Linear(dim, inner_dim)
        self.k_proj = Linear(key_dim, inner_dim)
        self.v_proj = Linear(key_dim, inner_dim)
        self.out_proj = Linear(inner_dim, dim)

    def split_heads(self, x: Tensor) -> Tensor:
        """(B, N, inner) to (B, heads, N, inner / heads)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def merge_heads(self, x: Tensor) -> Tensor:
        """(B, heads, N, inner / heads) to (B, N, dim), through the output projection."""
        return self.out_proj(x.transpose(1, 2).flatten(2))


class Attention(AttentionHeads):
    """Multi-head attention (``Attention`` upstream)."""

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Queries (B, N, dim) attend to keys and values (B, M, key_dim); returns (B, N, dim)."""
        q = self.split_heads(self.q_proj(q))
        k = self.split_heads(self.k_proj(k))
        v = self.split_heads(self.v_proj(v))
        return self.merge_heads(attend(q, k, v))
