"""What all networks have in common: images and prompts in, masks out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from medsam2.shortcuts import EXACT, Shortcuts

from .segmentation_config import SegmentationConfig

ABSENT_LOGIT = -1024.0
"""Logit of every pixel of an image that the object is not in (``NO_OBJ_SCORE``)."""
MASK_SCALE, MASK_BIAS = 20.0, -10.0
"""From a mask in [0, 1] to logits (``sigmoid_scale_for_mem_enc``, ``sigmoid_bias_for_mem_enc``)."""
IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)
"""ImageNet's statistics, with which most networks were trained."""


class ImageFeatures(NamedTuple):
    """Features at strides 16 (B, dim, h, w), 8 (B, dim/4, 2h, 2w) and 4 (B, dim/8, 4h, 4w).

    Networks whose decoder looks at the coarsest only have no others. LiteMedSAM's ``s16`` is at stride 4.
    """

    s16: Tensor
    s8: Tensor | None = None
    s4: Tensor | None = None

    def map(self, change: Callable[[Tensor], Tensor]) -> "ImageFeatures":
        """Every level changed in the same way."""
        s16, *skips = self
        return ImageFeatures(change(s16), *(None if level is None else change(level) for level in skips))

    @classmethod
    def joined(cls, parts: Sequence["ImageFeatures"]) -> "ImageFeatures":
        """Features of several batches as one."""
        s16, *skips = zip(*parts, strict=True)
        return cls(torch.cat(s16), *(None if level[0] is None else torch.cat(level) for level in skips))


class MaskPrediction(NamedTuple):
    """The chosen mask of each image.

    Attributes:
        logits: (B, 1, L, L), L the config's ``logit_size``; ``ABSENT_LOGIT`` everywhere where the object is
            absent.
        iou: predicted IoU, (B,).
        object_score: logit that the object is in the image, (B,).
        pointer: the object pointer, (B, dim); (B, 0) of a network without a memory.
    """

    logits: Tensor
    iou: Tensor
    object_score: Tensor
    pointer: Tensor


@dataclass(frozen=True)
class MemorySelection:
    """What memory attention looks at, for a batch of B images.

    Attributes:
        memories: (B, N, memory_dim, h, w).
        time_index: for each of the N memories its row of ``maskmem_tpos_enc``, or None for memories
            without an order (the self-sorting bank).
        pointers: object pointers, (B, P, dim); P may be 0.
        pointer_distances: signed distance in frames of each pointer, divided by the largest, (P,).
        log_weights: log of each memory's weight, (N,), or None for equal weights.
    """

    memories: Tensor
    time_index: list[int] | None
    pointers: Tensor
    pointer_distances: list[float]
    log_weights: Tensor | None = None


class SegmentationNetwork(nn.Module, ABC):
    """A network that answers a prompt on an image with a mask.

    Those whose config ``remembers`` also look at memories of other slices, and so track an object.
    """

    image_mean: Tensor
    image_std: Tensor

    def __init__(self, config: SegmentationConfig):
        super().__init__()
        self.config = config
        self.autocast_dtype: torch.dtype | None = None
        """Precision of inference: None for the weights' own, else the type to autocast to."""
        self.shortcuts: Shortcuts = EXACT
        """What it takes, see ``take_shortcuts``."""
        mean, std = torch.tensor(IMAGE_MEAN), torch.tensor(IMAGE_STD)
        self.register_buffer("image_mean", mean.view(1, 3, 1, 1), persistent=False)
        self.register_buffer("image_std", std.view(1, 3, 1, 1), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return next(self.parameters()).device

    def normalised(self, images: Tensor) -> Tensor:
        """Images (B, 1 or 3, S, S) as colours of ImageNet's statistics, (B, 3, S, S)."""
        return (images - self.image_mean) / self.image_std

    @property
    @abstractmethod
    def encoder_blocks(self) -> Iterable[nn.Module]:
        """The blocks of the image encoder, one after another."""

    @abstractmethod
    def encode_image(self, images: Tensor, shown: Tensor | None = None) -> ImageFeatures:
        """Features of images.

        Args:
            images: grey or colour, (B, 1, S, S) or (B, 3, S, S), with values in [0, 1].
            shown: what of them lies on the slice, (B, 1, S, S) bool; all where it is None.
        """

    def condition(self, s16: Tensor, selection: MemorySelection | None) -> Tensor:
        """Stride-16 features (B, dim, h, w) that know the memories, of a network that remembers."""
        return s16

    def encode_memory(self, s16: Tensor, mask: Tensor, object_score: Tensor) -> Tensor:
        """Memories (B, memory_dim, h, w) of images, of a network that remembers.

        Args:
            s16: raw stride-16 features, (B, dim, h, w).
            mask: probabilities, or 0 and 1 where a person prompted the slice, (B, 1, S, S).
            object_score: (B,).
        """
        raise TypeError(f"a network of {self.config.family} remembers nothing")

    @abstractmethod
    def decode(
        self,
        features: ImageFeatures,
        conditioned: Tensor,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        mask_logits: Tensor | None = None,
        ambiguous: bool | Tensor = True,
    ) -> MaskPrediction:
        """Decode one prompt per image.

        Args:
            features: of the same images, or of one image for all prompts.
            conditioned: from ``condition``, (B, dim, h, w).
            points, labels: (B, P, 2) as (x, y) in pixels, and (B, P); the corners of a box are the first two
                points labelled 2 and 3. None when tracking.
            mask_logits: an earlier answer to correct, (B, 1, L, L).
            ambiguous: choose the best of three masks rather than take the single one; for all images, or
                for each, (B,).
        """

    @abstractmethod
    def take_mask(self, features: ImageFeatures, mask: Tensor) -> MaskPrediction:
        """Take a given mask (B, 1, S, S) of 0 and 1 as the answer."""
