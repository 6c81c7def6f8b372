"""Memory attention: the current image's features look at the memories of other images."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention import attend, attend_in_int8, takes_narrow_values
from .config import NetworkConfig
from .layers import AttentionHeads
from .position_encoding import rotary_table, rotate, sine_map
from .products import Linear

POOL = 2
"""Side of the squares of pixels that pooled memories are averaged over."""


class RotaryAttention(AttentionHeads):
    """Attention whose queries and keys carry rotary position codes (``RoPEAttention``).

    Args:
        dim, key_dim: widths of queries and of keys on input.
        pooling: of several maps of keys, see ``NetworkConfig.memory_pooling``.

    Attributes:
        in_int8: logits come of numbers in 8 bits, on a processor.
    """

    def __init__(self, dim: int, key_dim: int | None = None, pooling: int = 0):
        super().__init__(dim, heads=1, key_dim=key_dim)
        self.pooling = pooling
        self.in_int8 = False

    def forward(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        size: tuple[int, int],
        unplaced_keys: int = 0,
        key_bias: Tensor | None = None,
    ) -> Tensor:
        """Attend from one map to maps of the same size.

        Args:
            q: the current map, (B, h * w, dim).
            k, v: tokens of N maps, then P without a position, (B, N * h * w + P, key_dim).
            size: (h, w).
            unplaced_keys: P, the number of last keys that get no rotary code (object pointers).
            key_bias: added to the logits of each key, (N * h * w + P,): log weights of memories.
        """
        q = self.split_heads(self.q_proj(q))
        k = self.split_heads(self.k_proj(k))
        # Weights of values add up to one, so that narrow values may be projected after they were added up.
        is_late = takes_narrow_values(q) and 2 * v.shape[-1] <= q.shape[-1]
        v = v[:, None] if is_late else self.split_heads(self.v_proj(v))
        table = rotary_table(q.shape[-1], *size).to(q.device)
        positioned = k.shape[2] - unplaced_keys
        q = rotate(q, table)
        k = _rotate_first(k, positioned, table)
        if self.pooling and positioned > q.shape[2]:
            k, v, key_bias = self._pooled(k, v, key_bias, positioned, size)
        if self.in_int8:
            found = attend_in_int8(q, k, v, key_bias)
        else:
            found = attend(q, k, v, None if key_bias is None else key_bias[None, None, None])
        return self.merge_heads(self.v_proj(found) if is_late else found)

    def _pooled(
        self, k: Tensor, v: Tensor, key_bias: Tensor | None, positioned: int, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Keys, values and bias with the maps averaged over squares, each of which counts as its pixels did.

        Variant 2 adds the logarithm of their number to each component of the key, not to the key's logit.
        """
        log_count = math.log(POOL**2)
        k, v = _pool_first(k, positioned, size), _pool_first(v, positioned, size)
        placed = positioned // POOL**2
        if self.pooling == 2:
            k = torch.cat((k[:, :, :placed] + log_count, k[:, :, placed:]), dim=2)
        if key_bias is not None:
            key_bias = _pool_first(key_bias[None, None, :, None], positioned, size).flatten()
        if self.pooling == 1:
            counts = F.pad(k.new_full((placed,), log_count), (0, k.shape[2] - placed))
            key_bias = counts if key_bias is None else key_bias + counts
        return k, v, key_bias


def _rotate_first(k: Tensor, count: int, table: Tensor) -> Tensor:
    if count == k.shape[2]:
        return rotate(k, table)
    return torch.cat((rotate(k[:, :, :count], table), k[:, :, count:]), dim=2)


def _pool_first(tokens: Tensor, count: int, size: tuple[int, int]) -> Tensor:
    """Average the first ``count`` tokens (B, heads, N, C), maps of ``size``, over squares of pixels."""
    maps = tokens[:, :, :count].reshape(-1, *size, tokens.shape[-1]).permute(0, 3, 1, 2)
    # As a pooling of images: ten times as quick as the mean of a tensor's dimensions.
    pooled = F.avg_pool2d(maps, POOL).permute(0, 2, 3, 1)
    return torch.cat((pooled.reshape(*tokens.shape[:2], -1, tokens.shape[-1]), tokens[:, :, count:]), dim=2)


class MemoryAttentionLayer(nn.Module):
    """Self-attention, attention to the memories, feed-forward; each normalised first."""

    def __init__(self, config: NetworkConfig):
        super().__init__()
        dim, hidden = config.model_dim, config.memory_feedforward
        self.self_attn = RotaryAttention(dim)
        self.cross_attn_image = RotaryAttention(dim, config.memory_dim, config.memory_pooling)
        self.linear1 = Linear(dim, hidden)
        self.linear2 = Linear(hidden, dim)
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.norm3 = nn.LayerNorm(dim)

    def forward(
        self,
        x: Tensor,
        keys: Tensor,
        values: Tensor,
        size: tuple[int, int],
        pointer_tokens: int,
        key_bias: Tensor | None,
    ) -> Tensor:
        """Update the current image's tokens (B, h * w, dim)."""
        normed = self.norm1(x)
        x = x + self.self_attn(normed, normed, normed, size)
        normed = self.norm2(x)
        x = x + self.cross_attn_image(normed, keys, values, size, pointer_tokens, key_bias)
        return x + self.linear2(F.relu(self.linear1(self.norm3(x)), inplace=True))


class MemoryAttention(nn.Module):
    """The stack of memory attention layers (``MemoryAttention``)."""

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.layers = nn.ModuleList(MemoryAttentionLayer(config) for _ in range(config.memory_layers))
        self.norm = nn.LayerNorm(config.model_dim)

    def forward(
        self,
        image: Tensor,
        memory: Tensor,
        memory_positions: Tensor,
        pointer_tokens: int = 0,
        key_bias: Tensor | None = None,
    ) -> Tensor:
        """Condition an image on memories.

        Args:
            image: stride-16 features (B, dim, h, w).
            memory: tokens of the memories, pointers last, (B, M, memory_dim).
            memory_positions: codes added to the keys, (B or 1, M, memory_dim).
            pointer_tokens: how many of the last tokens are object pointers.
            key_bias: added to every query's logit of each key, (M,); None for none.

        Returns:
            Conditioned features (B, dim, h, w).
        """
        size = image.shape[2:]
        positions = sine_map(image.shape[1], *size).to(image.device)
        # Contiguous: every layer below reads it token by token.
        x = (image + 0.1 * positions).flatten(2).transpose(1, 2).contiguous()
        keys = memory + memory_positions
        for layer in self.layers:
            x = layer(x, keys, memory, size, pointer_tokens, key_bias)
        return self.norm(x).transpose(1, 2).unflatten(2, size)
