"""The mask decoder: four candidate masks, their predicted IoU, and whether the object is there."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .config import NetworkConfig
from .layers import MLP, LayerNorm2d, MLPBlock
from .two_way_transformer import Mlp, TwoWayTransformer

CANDIDATES = 4
"""One mask for clear prompts (index 0), three for ambiguous ones."""


class Candidates(NamedTuple):
    """What the decoder says of one prompt, for all four masks.

    Attributes:
        logits: (B, 4, S/4, S/4).
        iou: predicted IoU of each, (B, 4), in [0, 1].
        tokens: the masks' output tokens, (B, 4, dim).
        object_score: logit that the object is in the image, (B,).
    """

    logits: Tensor
    iou: Tensor
    tokens: Tensor
    object_score: Tensor


class MaskHeads(nn.Module):
    """What the decoders of SAM and of SAM 2 have in common."""

    def __init__(self, dim: int, heads: int, feedforward: int, mlp: Mlp):
        super().__init__()
        self.transformer = TwoWayTransformer(dim, heads, feedforward, mlp)
        self.iou_token = nn.Embedding(1, dim)
        self.mask_tokens = nn.Embedding(CANDIDATES, dim)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(dim, dim // 4, kernel_size=2, stride=2),
            LayerNorm2d(dim // 4),
            nn.GELU(),
            nn.ConvTranspose2d(dim // 4, dim // 8, kernel_size=2, stride=2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            MLP(dim, dim, dim, dim // 8) for _ in range(CANDIDATES)
        )
        self.iou_prediction_head = MLP(dim, 256, 256, CANDIDATES)

    def attend(
        self, outputs: Tensor, image: Tensor, image_pe: Tensor, prompt_tokens: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Tokens (B, outputs + P, dim) and map (B, dim, h, w) that have looked at each other.

        Args:
            outputs: tokens that become answers, (outputs, dim).
            image: features at the coarsest stride plus the embedding of the mask prompt, (B, dim, h, w).
            image_pe: position codes, (1, dim, h, w).
            prompt_tokens: (B, P, dim).
        """
        batch, _, height, width = image.shape
        tokens = torch.cat((outputs.expand(batch, -1, -1), prompt_tokens), dim=1)
        tokens, image = self.transformer(
            image.flatten(2).transpose(1, 2), image_pe.flatten(2).transpose(1, 2), tokens
        )
        return tokens, image.transpose(1, 2).unflatten(2, (height, width))

    def masks(
        self, image: Tensor, mask_tokens: Tensor, s8: Tensor | None = None, s4: Tensor | None = None
    ) -> Tensor:
        """Upscale the map four times and compare each pixel with each mask's vector: (B, 4, 4h, 4w)."""
        to_s8, norm, act, to_s4, act_last = self.output_upscaling
        pixels = to_s8(image)
        pixels = act(norm(pixels if s8 is None else pixels + s8))
        pixels = to_s4(pixels)
        pixels = act_last(pixels if s4 is None else pixels + s4)
        vectors = torch.stack(
            [mlp(mask_tokens[:, i]) for i, mlp in enumerate(self.output_hypernetworks_mlps)], dim=1
        )
        return (vectors @ pixels.flatten(2)).unflatten(2, pixels.shape[2:])


class SliceMaskDecoder(MaskHeads):
    """The first SAM's mask decoder, which takes the object to be there (``MaskDecoder``)."""

    def __init__(self, dim: int, heads: int, feedforward: int):
        super().__init__(dim, heads, feedforward, MLPBlock)

    def forward(self, image: Tensor, image_pe: Tensor, prompt_tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, 4, 4h, 4w) of one prompt per image, and predicted IoU (B, 4), which may exceed 1.

        Arguments as of ``attend``.
        """
        outputs = torch.cat((self.iou_token.weight, self.mask_tokens.weight))
        tokens, image = self.attend(outputs, image, image_pe, prompt_tokens)
        return self.masks(image, tokens[:, 1 : 1 + CANDIDATES]), self.iou_prediction_head(tokens[:, 0])


class MaskDecoder(MaskHeads):
    """SAM 2's mask decoder (``MaskDecoder``), with finer features where the image encoder makes them."""

    def __init__(self, config: NetworkConfig):
        dim = config.model_dim
        super().__init__(dim, config.decoder_heads, config.decoder_feedforward, MLP)
        self.obj_score_token = nn.Embedding(1, dim)
        if not config.has_plain_encoder:
            self.conv_s0 = nn.Conv2d(dim, dim // 8, kernel_size=1)
            self.conv_s1 = nn.Conv2d(dim, dim // 4, kernel_size=1)
        self.pred_obj_score_head = MLP(dim, dim, dim, 1)

    def forward(
        self, image: Tensor, image_pe: Tensor, prompt_tokens: Tensor, s8: Tensor | None, s4: Tensor | None
    ) -> Candidates:
        """Decode one prompt per image.

        Args:
            image, image_pe, prompt_tokens: as of ``attend``.
            s8, s4: features through ``conv_s1`` and ``conv_s0``, (B, dim/4, 2h, 2w), (B, dim/8, 4h, 4w);
                None for a network without them.
        """
        outputs = torch.cat((self.obj_score_token.weight, self.iou_token.weight, self.mask_tokens.weight))
        tokens, image = self.attend(outputs, image, image_pe, prompt_tokens)
        mask_tokens = tokens[:, 2 : 2 + CANDIDATES]
        return Candidates(
            logits=self.masks(image, mask_tokens, s8, s4),
            iou=self.iou_prediction_head(tokens[:, 1]).sigmoid(),
            tokens=mask_tokens,
            object_score=self.pred_obj_score_head(tokens[:, 0])[:, 0],
        )
