"""The prompt encoder: clicks, boxes and coarse masks as embeddings (``PromptEncoder``)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import LayerNorm2d
from .position_encoding import PositionEmbeddingRandom

PADDING, NEGATIVE, POSITIVE, BOX_START, BOX_END = -1, 0, 1, 2, 3
"""Labels of points: none, background click, foreground click, the two corners of a box."""
MASK_CHANNELS = 16
"""Hidden channels of the mask prompt's convolutions."""


class PromptEncoder(nn.Module):
    """Embeds the prompts of one image.

    Args:
        dim: width of an embedding.
    """

    def __init__(self, dim: int):
        super().__init__()
        self.pe_layer = PositionEmbeddingRandom(dim)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, dim) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, dim)
        self.no_mask_embed = nn.Embedding(1, dim)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, MASK_CHANNELS // 4, kernel_size=2, stride=2),
            LayerNorm2d(MASK_CHANNELS // 4),
            nn.GELU(),
            nn.Conv2d(MASK_CHANNELS // 4, MASK_CHANNELS, kernel_size=2, stride=2),
            LayerNorm2d(MASK_CHANNELS),
            nn.GELU(),
            nn.Conv2d(MASK_CHANNELS, dim, kernel_size=1),
        )

    def embed_points(self, points: Tensor, labels: Tensor, image_size: int, padded: bool = True) -> Tensor:
        """Embed points (B, P, 2), (x, y) in pixels, with labels (B, P); returns (B, P + 1, dim).

        The additional last one is the padding point that the network was trained with; ``padded`` false
        leaves it out.
        """
        if padded:
            points = F.pad(points, (0, 0, 0, 1))
            labels = F.pad(labels, (0, 1), value=PADDING)
        kinds = torch.cat([self.not_a_point_embed.weight, *self.point_embeddings.parameters()])[
            labels.long() + 1
        ]
        is_point = (labels != PADDING)[..., None]
        return torch.where(is_point, self.pe_layer((points + 0.5) / image_size) + kinds, kinds)

    def embed_mask(self, mask: Tensor | None, batch: int, size: int) -> Tensor:
        """Embed mask logits (B, 1, 4 * size, 4 * size), or their absence, as (B, dim, size, size)."""
        if mask is not None:
            return self.mask_downscaling(mask)
        return self.no_mask_embed.weight.reshape(1, -1, 1, 1).expand(batch, -1, size, size)

    def position_map(self, size: int) -> Tensor:
        """Position codes (1, dim, size, size) of the image's tokens."""
        return self.pe_layer.of_map(size, size)
