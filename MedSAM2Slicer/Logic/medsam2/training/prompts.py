"""Prompts drawn from true masks, as a person would give them, and planted leaks for them to correct."""

import torch
import torch.nn.functional as F
from torch import Tensor

from medsam2.model.prompt_encoder import BOX_END, BOX_START, NEGATIVE, PADDING, POSITIVE

BOX_JITTER = 0.08
"""How far the sides of a box lie from the region's, at most, in shares of its extent."""
LEAK_SHARE = 0.2
"""How often an answer is given a leak before it is corrected, where the object is in the image. Where it has
ended, always: half of the leaks that people click away lie there, and all of the mask must go."""
LEAK_LOGIT = 5.0
"""How sure of its leak an answer is."""


def random_click(region: Tensor, towards_middle: Tensor) -> Tensor:
    """One (x, y) pixel of every region, (M, 2).

    Args:
        region: (M, S, S) bool, each with at least one pixel.
        towards_middle: (M,) bool; where set, a pixel far from the region's outline, which is where
            people click; else any pixel.
    """
    depth = _depth(region)
    # Gumbel noise turns the maximum into a draw: uniform, or sharply in favour of deep pixels.
    noise = -torch.log(-torch.log(torch.rand_like(depth).clamp(1e-6, 1 - 1e-6)))
    deepest = depth.amax(dim=(1, 2), keepdim=True).clamp(min=1e-3)
    score = noise + towards_middle[:, None, None] * 12 * depth / deepest
    index = score.masked_fill(~region, -torch.inf).flatten(1).argmax(dim=1)
    return torch.stack((index % region.shape[2], index // region.shape[2]), dim=1).float()


def _depth(region: Tensor) -> Tensor:
    """How far inside a pixel lies, coarsely: average coverage of ever larger squares round it.

    On a grid of 4 x 4 pixels, which is fine enough to draw clicks from and costs next to nothing.
    """
    coarse = F.avg_pool2d(region[:, None].float(), 4)
    depth = coarse
    for _ in range(4):
        coarse = F.avg_pool2d(coarse, 3, stride=1, padding=1)
        depth = depth + coarse
    return F.interpolate(depth, scale_factor=4, mode="nearest")[:, 0]


def jittered_box(region: Tensor) -> Tensor:
    """Corners (M, 2, 2) as (x, y) of boxes round regions (M, S, S), their sides moved at random."""
    columns, rows = region.any(dim=1), region.any(dim=2)
    size = region.shape[2]

    def ends(flags: Tensor) -> tuple[Tensor, Tensor]:
        first = flags.float().argmax(dim=1)
        last = size - 1 - flags.flip(1).float().argmax(dim=1)
        return first.float(), last.float()

    (x0, x1), (y0, y1) = ends(columns), ends(rows)
    corners = torch.stack((torch.stack((x0, y0), 1), torch.stack((x1, y1), 1)), dim=1)
    extent = (corners[:, 1:] - corners[:, :1]).clamp(min=2)
    return (corners + extent * BOX_JITTER * (2 * torch.rand_like(corners) - 1)).clamp(0, size - 1)


def first_prompts(masks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A click or a box, equally likely, for each true mask (M, S, S).

    Returns:
        points (M, 2, 2) and labels (M, 2), a click padded to two points with label -1;
        is_box (M,) bool.
    """
    count, device = len(masks), masks.device
    is_box = torch.rand(count, device=device) < 0.5
    click = random_click(masks, torch.rand(count, device=device) < 0.7)
    as_points = torch.stack((click, torch.zeros_like(click)), dim=1)
    points = torch.where(is_box[:, None, None], jittered_box(masks), as_points)
    of_box, of_click = torch.tensor([[BOX_START, BOX_END], [POSITIVE, PADDING]], device=device)
    labels = torch.where(is_box[:, None], of_box, of_click)
    return points, labels, is_box


def with_leaks(logits: Tensor, masks: Tensor, clip: Tensor) -> Tensor:
    """Logits (M, 1, S/4, S/4) of which some also cover another object of the same clip.

    Clips are too short for the network's own leaks to grow as large as they do in whole volumes.

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


def corrective_clicks(predicted: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """A click in the larger kind of error of each prediction (M, S, S): points (M, 1, 2), labels (M, 1)."""
    missed, leaked = masks & ~predicted, predicted & ~masks
    positive = missed.flatten(1).sum(1) >= leaked.flatten(1).sum(1)
    region = torch.where(positive[:, None, None], missed, leaked)
    # A perfect mask gets another positive click inside.
    empty = ~region.flatten(1).any(1)
    region = torch.where(empty[:, None, None], masks, region)
    points = random_click(region, torch.ones_like(empty))
    labels = torch.where(positive | empty, POSITIVE, NEGATIVE)
    return points[:, None], labels[:, None]
