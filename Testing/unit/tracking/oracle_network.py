"""A network that is never wrong about bright objects on black, to test the tracker's logic exactly.

It has the methods of ``SegmentationNetwork`` that tracking calls. An object is a connected bright region; a
click picks the region it lies in, and tracking picks the regions that touch what the nearest memory shows.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from medsam2.model.config import NetworkConfig
from medsam2.model.prompt_encoder import BOX_START, NEGATIVE, POSITIVE
from medsam2.model.segmentation_config import SegmentationConfig, Signature
from medsam2.model.segmentation_network import ABSENT_LOGIT, ImageFeatures, MaskPrediction, MemorySelection

STEEPNESS = 20.0
IOU, PRESENT = 0.9, 10.0


class OracleNetwork:
    """Segments bright regions; counts the images that it encodes, and how large its batches were."""

    device = torch.device("cpu")
    autocast_dtype = None
    encoder_blocks = ()
    """Never slow enough to be interrupted."""

    def __init__(self, image_size: int = 256):
        self.config = NetworkConfig("oracle", image_size=image_size, model_dim=4, memory_dim=1)
        self.pointer_dim = 4
        self.encoded = 0
        self.encoded_at_once: list[int] = []
        self.batches: list[int] = []

    def encode_image(self, images: Tensor) -> ImageFeatures:
        self.encoded += len(images)
        self.encoded_at_once.append(len(images))
        return ImageFeatures(*(F.avg_pool2d(images, stride) for stride in (16, 8, 4)))

    def encode_memory(self, s16: Tensor, mask: Tensor, object_score: Tensor) -> Tensor:
        return F.avg_pool2d(mask, 4)

    def condition(self, s16: Tensor, selection: MemorySelection | None) -> Tensor:
        """Where the object was last: the mask of the nearest memories, (B, 1, S/4, S/4)."""
        if selection is None:
            return s16.new_zeros(len(s16), 1, 4 * s16.shape[2], 4 * s16.shape[3])
        times = selection.time_index or [0] * selection.memories.shape[1]
        nearest = [place for place, time in enumerate(times) if time == min(times)]
        return selection.memories[:, nearest].amax(dim=1)

    def decode(
        self,
        features: ImageFeatures,
        conditioned: Tensor,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        mask_logits: Tensor | None = None,
        ambiguous: bool = True,
    ) -> MaskPrediction:
        self.batches.append(len(conditioned))
        answers = []
        for place, image in enumerate(features.s4[:, 0].expand(len(conditioned), -1, -1).numpy()):
            regions, _ = ndimage.label(image > 0.5)
            seed = conditioned[place, 0].numpy() > 0.5 if points is None else np.zeros(image.shape, bool)
            if mask_logits is not None:
                seed |= mask_logits[place, 0].numpy() > 0
            chosen = np.unique(regions[seed])
            if points is not None:
                chosen = self._clicked(regions, chosen, points[place].numpy(), labels[place].numpy())
            answers.append(_logits(image, regions, chosen[chosen > 0]))
        return _prediction(torch.stack(answers)[:, None], self.pointer_dim)

    def take_mask(self, features: ImageFeatures, mask: Tensor) -> MaskPrediction:
        return _prediction(F.avg_pool2d(2 * STEEPNESS * (mask - 0.5), 4), self.pointer_dim)

    @staticmethod
    def _clicked(regions: np.ndarray, chosen: np.ndarray, points: np.ndarray, labels: np.ndarray):
        """Numbers of the regions after clicks, given as (x, y) in pixels of the network's image."""
        cells = np.clip((points + 0.5) / 4, 0, np.array(regions.shape) - 1).astype(int)
        for index, ((x, y), label) in enumerate(zip(cells, labels, strict=True)):
            if label == POSITIVE:
                chosen = np.union1d(chosen, [regions[y, x]])
            elif label == NEGATIVE:
                chosen = np.setdiff1d(chosen, [regions[y, x]])
            elif label == BOX_START:
                x1, y1 = cells[index + 1]
                chosen = np.union1d(chosen, regions[y : y1 + 1, x : x1 + 1])
        return chosen


@dataclass(frozen=True)
class OneSliceConfig(SegmentationConfig):
    """Of a network that is in no file."""

    signature: ClassVar[Signature] = {}
    blocks: ClassVar[tuple[str, int]] = ("", 0)


class OneSliceOracle(OracleNetwork):
    """The same without a memory, and with one level of features: what is not prompted is not found.

    Keeps what it was asked.
    """

    def __init__(self, image_size: int = 256, takes_mask_prompts: bool = True):
        super().__init__(image_size)
        self.config = OneSliceConfig(
            "oracle", "oracle", image_size=image_size, takes_mask_prompts=takes_mask_prompts
        )
        self.pointer_dim = 0
        self.asked: list[tuple[Tensor | None, Tensor | None, Tensor | None]] = []

    def encode_image(self, images: Tensor) -> ImageFeatures:
        return ImageFeatures(super().encode_image(images).s4)

    def encode_memory(self, s16: Tensor, mask: Tensor, object_score: Tensor) -> Tensor:
        raise AssertionError("there is no memory")

    def decode(
        self,
        features: ImageFeatures,
        conditioned: Tensor,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        mask_logits: Tensor | None = None,
        ambiguous: bool = True,
    ) -> MaskPrediction:
        assert mask_logits is None or self.config.takes_mask_prompts
        self.asked.append((points, labels, mask_logits))
        seen = features._replace(s4=features.s16)
        return super().decode(seen, conditioned, points, labels, mask_logits, ambiguous)


def _logits(image: np.ndarray, regions: np.ndarray, chosen: np.ndarray) -> Tensor:
    """Steep logits of brightness that cross zero at half of it, and stay below zero round other regions."""
    if not len(chosen):
        return torch.full(image.shape, ABSENT_LOGIT)
    own = np.isin(regions, chosen)
    reach = ndimage.binary_dilation(own) & ((regions == 0) | own)
    return torch.from_numpy(np.where(reach, STEEPNESS * (image - 0.5), -STEEPNESS / 2).astype(np.float32))


def _prediction(logits: Tensor, dim: int) -> MaskPrediction:
    present = (logits > 0).flatten(1).any(dim=1)
    return MaskPrediction(
        logits=logits,
        iou=torch.where(present, IOU, 0.0),
        object_score=torch.where(present, PRESENT, -PRESENT),
        pointer=torch.zeros(len(logits), dim),
    )
