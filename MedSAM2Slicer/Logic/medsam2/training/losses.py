"""Losses of masks, predicted IoU, object score, and the dense helper that trains the encoder early."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medsam2.model.mask_decoder import Candidates
from medsam2.model.network import ImageFeatures

CROSS_ENTROPY_WEIGHT = 5.0
DENSE_WEIGHT = 0.3


def candidate_losses(candidates: Candidates, target: Tensor) -> tuple[Tensor, Tensor]:
    """Mask loss of each candidate (M, 4), and IoU with the truth (M, 4).

    Cross-entropy (x 5) plus Dice, at the resolution of the logits against area-averaged targets.

    Args:
        target: (M, S/4, S/4) in [0, 1].
    """
    logits = candidates.logits.float()
    target = target[:, None].expand_as(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(dim=(2, 3))
    probability = logits.sigmoid()
    overlap = (probability * target).sum(dim=(2, 3))
    dice = 1 - (2 * overlap + 1) / ((probability + target).sum(dim=(2, 3)) + 1)
    with torch.no_grad():
        predicted, truth = logits > 0, target > 0.5
        intersection = (predicted & truth).sum(dim=(2, 3)).float()
        union = (predicted | truth).sum(dim=(2, 3)).float()
        iou = (intersection + 1e-3) / (union + 1e-3)
    return CROSS_ENTROPY_WEIGHT * entropy + dice, iou


def prompt_loss(candidates: Candidates, target: Tensor, present: Tensor, ambiguous: Tensor) -> Tensor:
    """Loss of one answer, averaged over the M objects.

    Where the prompt is ambiguous the best of masks 1 to 3 counts, else mask 0; mask 0 always counts a
    little. Masks and IoU count only where the object is in the image.

    Args:
        target: (M, S/4, S/4) in [0, 1].
        present, ambiguous: (M,) bool.
    """
    losses, iou = candidate_losses(candidates, target)
    single, best = losses[:, 0], losses[:, 1:].amin(dim=1)
    mask_loss = torch.where(ambiguous, best + 0.25 * single, single + 0.25 * best)
    iou_loss = (candidates.iou.float() - iou).abs().mean(dim=1)
    weight = present.float()
    score_loss = F.binary_cross_entropy_with_logits(candidates.object_score.float(), weight)
    return (weight * (mask_loss + iou_loss)).mean() + score_loss


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

        def pick(level: Tensor, stride: int) -> Tensor:
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
