"""One training step's forward pass: prompt the first slice of each clip, track through the others."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from medsam2.model.mask_decoder import Candidates
from medsam2.model.network import MedSAM2
from medsam2.model.prompt_encoder import PADDING
from medsam2.model.segmentation_network import ImageFeatures, MaskPrediction
from medsam2.tracking import SelfSortingMemory, TemporalMemory
from medsam2.tracking.prompting import LOGIT_LIMIT
from medsam2.training.clip_batch import ClipBatch
from medsam2.training.clip_memory import ClipMemories
from medsam2.training.losses import PromptLoss
from medsam2.training.prompts import corrective_clicks, first_prompts, with_leaks

CORRECTED_SHARE = 0.5
"""How often the first slice is corrected before tracking starts, and how often a later one is."""
MOST_CLICKS = 3
"""A slice is corrected by one to so many clicks."""


@dataclass(frozen=True)
class Teaching:
    """How the network is asked and judged.

    Attributes:
        loss: of the answers to one prompt.
        mask_share: how often the first prompt is the true mask; else it is a click or a box.
        memory: the bank that tracking uses.
    """

    loss: PromptLoss
    mask_share: float = 0.0
    memory: TemporalMemory | SelfSortingMemory = field(default_factory=TemporalMemory)


@dataclass(frozen=True)
class _Frame:
    """One slice for each of M objects: image features, true masks (M, S, S) bool, the same averaged down
    to the logits (M, S/4, S/4), whether anything of the object is to be seen (M,), and its clip (M,)."""

    features: ImageFeatures
    masks: Tensor
    targets: Tensor
    visible: Tensor
    clip: Tensor


def encode_clips(network: MedSAM2, images: Tensor, checkpointed: bool = False) -> ImageFeatures:
    """Features (N * T, ...) of the slices (N, T, S, S) of clips.

    Args:
        network: whose image encoder is used.
        images: float in [0, 1].
        checkpointed: keep no activations but encode each slice again during the backward pass.
    """
    flat = images.flatten(0, 1)[:, None]
    if not checkpointed:
        return network.encode_image(flat)
    parts = [checkpoint(network.encode_image, image, use_reentrant=False) for image in flat.split(1)]
    return ImageFeatures.joined(parts)


def clip_loss(
    network: MedSAM2, features: ImageFeatures, batch: ClipBatch, teaching: Teaching
) -> tuple[Tensor, dict[str, float]]:
    """Loss of a batch, whose slices have ``features``, and the mean IoU on the first and the last slice."""
    frames = batch.masks.shape[1]
    memories = ClipMemories(network, teaching.memory, len(batch.clip), frames)
    corrected = _frames_to_correct(frames)
    loss, report = features.s16.new_zeros(()), {}
    for index, frame in enumerate(_frames(features, batch)):
        if index == 0:
            prediction, part = _first_answer(network, frame, teaching, 0 in corrected, frames > 1)
            prompted = torch.ones_like(frame.visible)
        else:
            conditioned = memories.condition(index, frame.features)
            prediction, part, prompted = _tracked_answer(
                network, frame, conditioned, teaching, index in corrected
            )
        loss = loss + part / frames
        if index in (0, frames - 1):
            report["first" if index == 0 else "last"] = _mean_iou(prediction, frame)
        if index < frames - 1:
            mask = F.interpolate(prediction.logits, size=frame.masks.shape[-2:], mode="bilinear").sigmoid()
            memories.remember(index, frame.features, prediction, mask, prompted)
    return loss, report


def _frames_to_correct(frames: int) -> set[int]:
    """Up to two frames: the first and a later one, each as often as ``CORRECTED_SHARE``."""
    chosen = {0} if torch.rand(()) < CORRECTED_SHARE else set()
    if frames > 1 and torch.rand(()) < CORRECTED_SHARE:
        chosen.add(int(torch.randint(1, frames, ())))
    return chosen


def _frames(features: ImageFeatures, batch: ClipBatch) -> Iterator[_Frame]:
    """The slices of the clips in order, each object with its own clip's features."""
    frames = batch.images.shape[1]
    targets = F.avg_pool2d(batch.masks.float(), 4)
    for index in range(frames):
        own = features.map(itemgetter(batch.clip * frames + index))
        masks = batch.masks[:, index]
        yield _Frame(own, masks, targets[:, index], masks.flatten(1).any(dim=1), batch.clip)


def _first_answer(
    network: MedSAM2, frame: _Frame, teaching: Teaching, corrected: bool, may_be_mask: bool
) -> tuple[MaskPrediction, Tensor]:
    """Answer the first prompt and its corrections; a mask is taken as it is, and costs nothing."""
    if may_be_mask and torch.rand(()) < teaching.mask_share:
        given = network.take_mask(frame.features, frame.masks[:, None].float())
        return given, given.logits.new_zeros(())
    points, labels, is_box = first_prompts(frame.masks)
    conditioned = network.condition(frame.features.s16, None)
    prediction, candidates = network.decode_with_candidates(
        frame.features, conditioned, points, labels, ambiguous=~is_box
    )
    loss = teaching.loss(candidates, frame.targets, frame.visible, ~is_box)
    if not corrected:
        return prediction, loss
    prediction, more, _ = _corrected(network, frame, conditioned, prediction, teaching, points, labels)
    return prediction, loss + more


def _tracked_answer(
    network: MedSAM2, frame: _Frame, conditioned: Tensor, teaching: Teaching, corrected: bool
) -> tuple[MaskPrediction, Tensor, Tensor]:
    """Answer from the memories alone, then the corrections; also returns which objects got any, (M,)."""
    prediction, candidates = network.decode_with_candidates(frame.features, conditioned)
    several = torch.full_like(frame.visible, not network.config.single_mask_tracking)
    loss = teaching.loss(candidates, frame.targets, frame.visible, several)
    if not corrected:
        return prediction, loss, torch.zeros_like(frame.visible)
    none = frame.masks.new_zeros(len(frame.masks), 0, dtype=torch.long)
    points = none[..., None].expand(-1, -1, 2).float()
    prediction, more, clicked = _corrected(network, frame, conditioned, prediction, teaching, points, none)
    return prediction, loss + more, clicked


def _corrected(
    network: MedSAM2,
    frame: _Frame,
    conditioned: Tensor,
    prediction: MaskPrediction,
    teaching: Teaching,
    points: Tensor,
    labels: Tensor,
) -> tuple[MaskPrediction, Tensor, Tensor]:
    """Clicks where the error is largest, added to the prompt; also returns which objects got any, (M,).

    Where an object has ended but its mask goes on, a negative click must make it disappear. Where both have
    ended there is nothing to click.
    """
    clicks = int(torch.randint(1, MOST_CLICKS + 1, ()))
    loss, clicked = prediction.logits.new_zeros(()), torch.zeros_like(frame.visible)
    prediction = prediction._replace(logits=with_leaks(prediction.logits, frame.masks, frame.clip))
    for _ in range(clicks):
        logits = prediction.logits.detach().clamp(-LOGIT_LIMIT, LOGIT_LIMIT)
        full = F.interpolate(logits, scale_factor=4, mode="bilinear")[:, 0] > 0
        wrong = frame.visible | full.flatten(1).any(dim=1)
        if not wrong.any():
            break
        more_points, more_labels = corrective_clicks(full, frame.masks)
        more_labels = torch.where(wrong[:, None], more_labels, PADDING)
        points, labels = torch.cat((points, more_points), 1), torch.cat((labels, more_labels), 1)
        # As in use: see ``Tracker``.
        several = points.shape[1] == 1 and not network.config.single_mask_tracking
        answer, candidates = network.decode_with_candidates(
            frame.features, conditioned, points, labels, logits, several
        )
        loss = loss + _loss_of(wrong, teaching.loss, candidates, frame, several) / clicks
        prediction = _merged(wrong, answer, prediction)
        clicked = clicked | wrong
    return prediction, loss, clicked


def _loss_of(
    chosen: Tensor, loss: PromptLoss, candidates: Candidates, frame: _Frame, several: bool
) -> Tensor:
    """Loss of the ``chosen`` (M,) objects alone."""
    candidates = Candidates(*(part[chosen] for part in candidates))
    present = frame.visible[chosen]
    return loss(candidates, frame.targets[chosen], present, torch.full_like(present, several))


def _merged(chosen: Tensor, new: MaskPrediction, old: MaskPrediction) -> MaskPrediction:
    """The new answer of the ``chosen`` (M,) objects, the old one of the others."""
    parts = (
        torch.where(chosen.view(-1, *(1,) * (one.ndim - 1)), one, other)
        for one, other in zip(new, old, strict=True)
    )
    return MaskPrediction(*parts)


@torch.no_grad()
def _mean_iou(prediction: MaskPrediction, frame: _Frame) -> float:
    """Mean IoU of the chosen masks over the objects in the image."""
    predicted, truth = prediction.logits[:, 0] > 0, frame.targets > 0.5
    overlap = (predicted & truth).flatten(1).sum(1) / (predicted | truth).flatten(1).sum(1).clamp(min=1)
    return float(overlap[frame.visible].mean()) if frame.visible.any() else float("nan")
