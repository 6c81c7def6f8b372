"""Losses of one answer: masks, predicted IoU, and object score."""

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from medsam2.model.mask_decoder import Candidates

FOCAL_WEIGHT, FOCAL_ALPHA, FOCAL_GAMMA = 20.0, 0.25, 2.0


class PromptLoss(Protocol):
    """Loss of the answers to one prompt per object, averaged over the M objects."""

    def __call__(self, candidates: Candidates, target: Tensor, present: Tensor, ambiguous: Tensor) -> Tensor:
        """A scalar. Masks and IoU count only where the object is in the image.

        Args:
            candidates: the decoder's answer.
            target: area-averaged true masks at the logits' resolution, (M, S/4, S/4) in [0, 1].
            present: (M,) bool, whether the object is in the image.
            ambiguous: (M,) bool, whether the best of masks 1 to 3 answers the prompt, rather than mask 0.
        """


def fine_tuning_loss(candidates: Candidates, target: Tensor, present: Tensor, ambiguous: Tensor) -> Tensor:
    """Focal (x 20), Dice, IoU (L1) and object score, with the weights of SAM 2's and MedSAM2's training.

    Of several masks the one of least 20 focal + Dice counts; the predicted IoU of all of them does.
    """
    logits, target = paired(candidates, target)
    losses = FOCAL_WEIGHT * _focal_loss(logits, target) + dice_loss(logits, target)
    iou_errors = (candidates.iou.float() - true_iou(logits, target)).abs()
    of_single = losses[:, 0] + iou_errors[:, 0]
    of_several = losses[:, 1:].amin(dim=1) + iou_errors[:, 1:].mean(dim=1)
    return joined(torch.where(ambiguous, of_several, of_single), candidates, present)


def paired(candidates: Candidates, target: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of all masks in fp32 and the target of each, (M, 4, S/4, S/4)."""
    logits = candidates.logits.float()
    return logits, target[:, None].expand_as(logits)


def _focal_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Sigmoid focal loss (Lin et al. 2017), mean over pixels, (M, 4)."""
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    probability = logits.sigmoid()
    missed = probability * (1 - target) + (1 - probability) * target
    weight = FOCAL_ALPHA * target + (1 - FOCAL_ALPHA) * (1 - target)
    return (weight * entropy * missed**FOCAL_GAMMA).mean(dim=(2, 3))


def dice_loss(logits: Tensor, target: Tensor) -> Tensor:
    """1 - soft Dice, smoothed by one pixel, (M, 4)."""
    probability = logits.sigmoid()
    overlap = (probability * target).sum(dim=(2, 3))
    return 1 - (2 * overlap + 1) / ((probability + target).sum(dim=(2, 3)) + 1)


@torch.no_grad()
def true_iou(logits: Tensor, target: Tensor) -> Tensor:
    """IoU of each mask with the truth, (M, 4)."""
    predicted, truth = logits > 0, target > 0.5
    intersection = (predicted & truth).sum(dim=(2, 3)).float()
    union = (predicted | truth).sum(dim=(2, 3)).float()
    return (intersection + 1e-3) / (union + 1e-3)


def joined(
    mask_and_iou: Tensor, candidates: Candidates, present: Tensor, absent_weight: float = 1.0
) -> Tensor:
    """Mean over objects, with the cross-entropy of the object score."""
    target = present.float()
    weight = torch.where(present, 1.0, absent_weight)
    scores = candidates.object_score.float()
    score_loss = F.binary_cross_entropy_with_logits(scores, target, weight)
    return (target * mask_and_iou).mean() + score_loss
