"""Leaks planted into answers before they are corrected.

Clips are too short for the network's own leaks to grow as large as they do in whole volumes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

LEAK_SHARE = 0.2
"""How often an answer is given a leak before it is corrected, where the object is in the image. Where it has
ended, always: half of the leaks that people click away lie there, and all of the mask must go."""
LEAK_LOGIT = 5.0
"""How sure of its leak an answer is."""


def with_leaks(logits: Tensor, masks: Tensor, clip: Tensor) -> Tensor:
    """Logits (M, 1, S/4, S/4) of which some also cover another object of the same clip.

    Args:
        logits: of the answers.
        masks: (M, S, S) bool, the true masks on this slice.
        clip: for each object its clip, (M,).
    """
    others = clip[:, None] == clip
    others.fill_diagonal_(False)
    leaking = ~masks.flatten(1).any(dim=1) | (torch.rand(len(clip), device=clip.device) < LEAK_SHARE)
    chosen = torch.rand(others.shape, device=clip.device).masked_fill(~others, -1).argmax(dim=1)
    leak = F.avg_pool2d(masks[chosen][:, None].float(), 4) > 0.5
    covered = leak & (leaking & others.any(dim=1))[:, None, None, None]
    return torch.where(covered, logits.clamp(min=LEAK_LOGIT), logits)
