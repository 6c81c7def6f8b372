"""Networks that know one slice only: SAM (Kirillov et al. 2023) and what was trained from it.

Parameter names and shapes equal those of the official checkpoints.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .mask_decoder import SliceMaskDecoder
from .prompt_encoder import BOX_START, PromptEncoder
from .sam_vit import SamViT
from .segmentation_network import MASK_BIAS, MASK_SCALE, ImageFeatures, MaskPrediction, SegmentationNetwork
from .slice_wise_config import SliceWiseConfig, TinyViTSizes, ViTSizes
from .tiny_vit import TinyViT

GREY_VALUES = 255
"""The official programs see images of 8 bits."""
NEARLY_WHOLE = 1e-3
"""What a whole grey value may lack by rounding errors."""


class SliceWiseNetwork(SegmentationNetwork):
    """SAM's network (``Sam``), built from a ``SliceWiseConfig``, with random weights."""

    config: SliceWiseConfig

    def __init__(self, config: SliceWiseConfig):
        super().__init__(config)
        self.image_encoder = _image_encoder(config)
        self.prompt_encoder = PromptEncoder(config.model_dim)
        self.mask_decoder = SliceMaskDecoder(
            config.model_dim, config.decoder_heads, config.decoder_feedforward
        )

    @property
    def encoder_blocks(self) -> Iterable[nn.Module]:
        """The image encoder's."""
        return self.image_encoder.blocks

    def encode_image(self, images: Tensor, shown: Tensor | None = None) -> ImageFeatures:
        """Features of images, prepared as the network was trained.

        What is beyond the slice is zero for the network, whatever value that is, and has no part in
        the image's range.
        """
        return ImageFeatures(self.image_encoder(self.prepared(images, shown)))

    def prepared(self, images: Tensor, shown: Tensor | None = None) -> Tensor:
        """What the image encoder sees of ``encode_image``'s arguments: (B, 3, S, S)."""
        shown = torch.ones_like(images, dtype=torch.bool) if shown is None else shown
        values = images * GREY_VALUES
        values = ((values + NEARLY_WHOLE).floor() if self.config.truncated else values.round()) / GREY_VALUES
        if self.config.normalisation == "statistics":
            values = self.normalised(values)
        else:
            lowest = values.where(shown, torch.inf).amin(dim=(1, 2, 3), keepdim=True)
            highest = values.where(shown, -torch.inf).amax(dim=(1, 2, 3), keepdim=True)
            values = ((values - lowest) / (highest - lowest).clamp(min=1e-8)).expand(-1, 3, -1, -1)
        return values.where(shown, 0)

    def decode(
        self,
        features: ImageFeatures,
        conditioned: Tensor,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        mask_logits: Tensor | None = None,
        ambiguous: bool | Tensor = True,
    ) -> MaskPrediction:
        """Decode one prompt per image (``SamPredictor.predict_torch``).

        The object counts as there where its mask has pixels.
        """
        batch, size = len(conditioned), conditioned.shape[-1]
        logits, iou = self.mask_decoder(
            conditioned + self.prompt_encoder.embed_mask(mask_logits, batch, size),
            self.prompt_encoder.position_map(size),
            self._embed_points(points, labels, conditioned),
        )
        if self.config.multimask != "ambiguous":
            ambiguous = self.config.multimask == "always"
        rows = torch.arange(batch, device=iou.device)
        chosen = torch.where(torch.as_tensor(ambiguous, device=iou.device), 1 + iou[:, 1:].argmax(dim=1), 0)
        # Nothing keeps the IoU that the network predicts below 1.
        return _prediction(logits[rows, chosen][:, None].float(), iou[rows, chosen].clamp(0, 1))

    def take_mask(self, features: ImageFeatures, mask: Tensor) -> MaskPrediction:
        """Take a given mask as the answer, which needs no network."""
        size = (self.config.logit_size, self.config.logit_size)
        logits = F.interpolate(mask * MASK_SCALE + MASK_BIAS, size=size, mode="bilinear", antialias=True)
        return _prediction(logits, mask.new_ones(len(mask)))

    def _embed_points(self, points: Tensor | None, labels: Tensor | None, conditioned: Tensor) -> Tensor:
        """Tokens (B, P, dim) of points, with the padding point of training where there is no box."""
        if points is None:
            return conditioned.new_zeros(len(conditioned), 0, self.config.model_dim)
        if labels is None:
            raise ValueError("points need labels")
        has_box = bool((labels == BOX_START).any())
        return self.prompt_encoder.embed_points(points, labels, self.config.image_size, padded=not has_box)


def _image_encoder(config: SliceWiseConfig) -> SamViT | TinyViT:
    if isinstance(config.encoder, ViTSizes):
        return SamViT(config.encoder, config.grid, config.model_dim)
    if isinstance(config.encoder, TinyViTSizes):
        return TinyViT(config.encoder, config.model_dim)
    raise TypeError(f"no image encoder has {config.encoder}")


def _prediction(logits: Tensor, iou: Tensor) -> MaskPrediction:
    """An answer of a network that has neither an object score nor pointers."""
    present = (logits > 0).flatten(1).any(dim=1)
    score = torch.where(present, MASK_SCALE + MASK_BIAS, MASK_BIAS)
    return MaskPrediction(logits, iou, score, logits.new_zeros(len(logits), 0))
