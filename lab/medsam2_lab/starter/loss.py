"""The loss of an answer when the starter weights are trained from nothing."""

import torch
import torch.nn.functional as F
from torch import Tensor

from medsam2.model.mask_decoder import Candidates
from medsam2.training.losses import dice_loss, joined, paired, true_iou

CROSS_ENTROPY_WEIGHT = 5.0
ABSENT_WEIGHT = 3.0
"""An object that has ended counts so much more in the object score: clips show ends less often than whole
volumes do, and a mask that runs on beyond the end costs more than a slice at the end."""


def starter_loss(candidates: Candidates, target: Tensor, present: Tensor, ambiguous: Tensor) -> Tensor:
    """Cross-entropy (x 5), Dice, IoU and object score; a ``PromptLoss``.

    The mask that the prompt does not ask for counts a little, so that it learns from every answer.
    """
    logits, target = paired(candidates, target)
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(dim=(2, 3))
    losses = CROSS_ENTROPY_WEIGHT * entropy + dice_loss(logits, target)
    single, best = losses[:, 0], losses[:, 1:].amin(dim=1)
    mask_loss = torch.where(ambiguous, best + 0.25 * single, single + 0.25 * best)
    iou_loss = (candidates.iou.float() - true_iou(logits, target)).abs().mean(dim=1)
    return joined(mask_loss + iou_loss, candidates, present, ABSENT_WEIGHT)
