"""A helper that trains the image encoder of the starter network from every pixel."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medsam2.model.segmentation_network import ImageFeatures

DENSE_WEIGHT = 0.3
"""Weight of its loss beside that of the prompts."""


class DenseHead(nn.Module):
    """A small head on the features, thrown away after training: do two pixels show the same thing?

    It gives the encoder a gradient from every pixel while the decoder has not yet found the prompts.
    """

    def __init__(self, model_dim: int, width: int = 32):
        super().__init__()
        self.from_s16 = nn.Linear(model_dim, width)
        self.from_s8 = nn.Linear(model_dim // 4, width)
        self.from_s4 = nn.Linear(model_dim // 8, width)
        self.scale = nn.Parameter(torch.tensor(5.0))
        self.bias = nn.Parameter(torch.tensor(-1.0))

    def forward(self, features: ImageFeatures, labels: Tensor, samples: int = 192) -> Tensor:
        """Balanced cross-entropy over pairs of random pixels.

        Args:
            labels: what each pixel shows, (B, S, S).
        """
        batch, size = len(labels), labels.shape[-1]
        index = torch.randint(size * size, (batch, samples), device=labels.device)
        y, x = index // size, index % size
        label = labels.flatten(1).gather(1, index)

        def pick(level: Tensor | None, stride: int) -> Tensor:
            assert level is not None
            cell = (y // stride) * (size // stride) + x // stride
            return level.flatten(2).gather(2, cell[:, None].expand(-1, level.shape[1], -1)).transpose(1, 2)

        vectors = (
            self.from_s16(pick(features.s16, 16))
            + self.from_s8(pick(features.s8, 8))
            + self.from_s4(pick(features.s4, 4))
        )
        vectors = F.normalize(vectors.float(), dim=-1)
        logits = self.scale * (vectors @ vectors.transpose(1, 2)) + self.bias
        same = (label[:, :, None] == label[:, None, :]).float()
        loss = F.binary_cross_entropy_with_logits(logits, same, reduction="none")
        return 0.5 * (
            (loss * same).sum() / same.sum() + (loss * (1 - same)).sum() / (1 - same).sum().clamp(min=1)
        )
