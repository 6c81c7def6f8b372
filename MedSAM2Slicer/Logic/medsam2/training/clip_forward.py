"""One training step's forward pass: prompt the first slice of each clip, track through the others."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from medsam2.model.mask_decoder import Candidates
from medsam2.model.network import ImageFeatures, MaskPrediction, MedSAM2, MemorySelection
from medsam2.training.losses import DENSE_WEIGHT, DenseHead, prompt_loss
from medsam2.training.prompts import corrective_clicks, first_prompts

CORRECTED_SHARE = 0.5
"""How often the first slice gets corrective clicks before tracking starts, and a later one a click."""


@dataclass(frozen=True)
class ClipBatch:
    """Clips of one size, their objects flattened.

    Attributes:
        images: (N, T, S, S) float in [0, 1].
        labels: (N, T, S, S) integer, what each pixel shows.
        masks: (M, T, S, S) bool.
        clip: for each object its clip, (M,).
    """

    images: Tensor
    labels: Tensor
    masks: Tensor
    clip: Tensor


def clip_loss(network: MedSAM2, head: DenseHead, batch: ClipBatch) -> tuple[Tensor, dict[str, float]]:
    """Loss of a batch and the mean IoU on the first and on the last slice."""
    clips, frames, size, _ = batch.images.shape
    every = network.encode_image(batch.images.reshape(-1, 1, size, size))
    loss = DENSE_WEIGHT * head(every, batch.labels.reshape(-1, size, size))
    targets = F.avg_pool2d(batch.masks.float(), 4)
    present = targets.flatten(2).amax(dim=2) > 0.5
    memories: list[Tensor] = []
    pointers: list[Tensor] = []
    report = {}
    corrected = int(torch.randint(1, frames, ())) if frames > 1 and torch.rand(()) < CORRECTED_SHARE else 0
    for frame in range(frames):
        features = ImageFeatures(*(level.unflatten(0, (clips, frames))[batch.clip, frame] for level in every))
        if frame == 0:
            prediction, part = _prompted(network, features, batch.masks[:, 0], targets[:, 0])
        else:
            conditioned = network.condition(features.s16, _selection(network, memories, pointers))
            prediction = network.decode(features, conditioned)
            ambiguous = torch.full_like(batch.clip, not network.config.single_mask_tracking, dtype=torch.bool)
            part = prompt_loss(prediction.candidates, targets[:, frame], present[:, frame], ambiguous)
            if frame == corrected and present[:, frame].any():
                prediction, more = _corrected(
                    network, features, conditioned, prediction, batch.masks[:, frame], targets[:, frame]
                )
                part = part + more
        loss = loss + part / frames
        if frame in (0, frames - 1):
            report["first" if frame == 0 else "last"] = _mean_iou(
                prediction, targets[:, frame], present[:, frame]
            )
        if frame < frames - 1:
            pointers.append(prediction.pointer)
            memories.append(_memory(network, features, prediction, size))
    return loss, report


def _prompted(network: MedSAM2, features: ImageFeatures, masks: Tensor, targets: Tensor):
    """Answer the first prompt, and in half of the steps one to three corrections; the last answer counts."""
    points, labels, is_box = first_prompts(masks)
    conditioned = network.condition(features.s16, None)
    present = torch.ones_like(is_box)
    prediction = network.decode(features, conditioned, points, labels, ambiguous=~is_box)
    loss = prompt_loss(prediction.candidates, targets, present, ~is_box)
    corrections = int(torch.randint(1, 4, ())) if torch.rand(()) < CORRECTED_SHARE else 0
    for _ in range(corrections):
        logits = prediction.logits.detach().clamp(-32, 32)
        full = F.interpolate(logits, scale_factor=4, mode="bilinear")[:, 0] > 0
        more_points, more_labels = corrective_clicks(full, masks)
        points, labels = torch.cat((points, more_points), 1), torch.cat((labels, more_labels), 1)
        prediction = network.decode(features, conditioned, points, labels, logits, ambiguous=False)
        loss = loss + prompt_loss(prediction.candidates, targets, present, ~present) / corrections
    return prediction, loss


def _corrected(
    network: MedSAM2,
    features: ImageFeatures,
    conditioned: Tensor,
    prediction: MaskPrediction,
    masks: Tensor,
    targets: Tensor,
) -> tuple[MaskPrediction, Tensor]:
    """One click on a tracked slice, where the error is largest; objects that have ended get none."""
    logits = prediction.logits.detach().clamp(-32, 32)
    full = F.interpolate(logits, scale_factor=4, mode="bilinear")[:, 0] > 0
    points, labels = corrective_clicks(full, masks)
    answer = network.decode(features, conditioned, points, labels, logits, ambiguous=False)
    visible = targets.flatten(1).amax(dim=1) > 0.5
    candidates = Candidates(*(part[visible] for part in answer.candidates))
    count = torch.ones(len(candidates.iou), dtype=torch.bool, device=visible.device)
    loss = prompt_loss(candidates, targets[visible], count, ~count)
    merged = (
        torch.where(visible.view(-1, *(1,) * (new.ndim - 1)), new, old)
        for new, old in zip(answer[:4], prediction[:4], strict=True)
    )
    return MaskPrediction(*merged, answer.candidates), loss


def _memory(network: MedSAM2, features: ImageFeatures, prediction: MaskPrediction, size: int) -> Tensor:
    mask = F.interpolate(prediction.logits, size=(size, size), mode="bilinear").sigmoid()
    return network.encode_memory(features.s16, mask, prediction.object_score)


def _selection(network: MedSAM2, memories: list[Tensor], pointers: list[Tensor]) -> MemorySelection:
    """SAM 2's temporal rule for a clip prompted on its first slice."""
    slots = network.config.memory_frames
    now = len(memories)
    recent = range(max(1, now - slots + 1), now)
    frames = [0, *recent]
    # Row slots - 1 codes a prompted slice, row d - 1 a slice d steps back.
    time_index = [slots - 1, *(now - frame - 1 for frame in recent)]
    longest = network.config.pointer_frames - 1
    return MemorySelection(
        torch.stack([memories[frame] for frame in frames], dim=1),
        time_index,
        torch.stack(pointers, dim=1),
        [(now - frame) / longest for frame in range(now)],
    )


@torch.no_grad()
def _mean_iou(prediction: MaskPrediction, target: Tensor, present: Tensor) -> float:
    """Mean IoU of the chosen masks over the objects in the image."""
    predicted, truth = prediction.logits[:, 0] > 0, target > 0.5
    overlap = (predicted & truth).flatten(1).sum(1) / (predicted | truth).flatten(1).sum(1).clamp(min=1)
    return float(overlap[present].mean()) if present.any() else float("nan")
