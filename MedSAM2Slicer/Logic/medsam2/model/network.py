"""The whole network: image encoder, memory attention, prompt encoder, mask decoder, memory encoder.

This is SAM 2's network (Ravi et al. 2024, figure 3), which MedSAM-2 keeps unchanged (Zhu et al. 2024),
and to which EfficientTAM gives another image encoder (Xiong et al. 2024).
Parameter names and shapes equal those of the official checkpoints. The network is without state: which
memories an image looks at is the memory bank's business (``medsam2.tracking``).
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import NetworkConfig
from .image_encoder import ImageEncoder
from .layers import MLP
from .mask_decoder import Candidates, MaskDecoder
from .memory_attention import MemoryAttention
from .memory_encoder import MemoryEncoder
from .plain_vit import PlainImageEncoder
from .position_encoding import sine_map, sine_of_time
from .prompt_encoder import PADDING, PromptEncoder
from .segmentation_network import (
    ABSENT_LOGIT,
    MASK_BIAS,
    MASK_SCALE,
    ImageFeatures,
    MaskPrediction,
    MemorySelection,
    SegmentationNetwork,
)

STABILITY_DELTA, STABILITY_THRESHOLD = 0.05, 0.98
"""When the single mask is too unsure of its outline and gives way to the best of three."""


class MedSAM2(SegmentationNetwork):
    """SAM 2's network (``SAM2Base``), built from a ``NetworkConfig``, with random weights."""

    config: NetworkConfig

    def __init__(self, config: NetworkConfig):
        super().__init__(config)
        dim, memory_dim = config.model_dim, config.memory_dim
        self.image_encoder = PlainImageEncoder(config) if config.has_plain_encoder else ImageEncoder(config)
        self.memory_attention = MemoryAttention(config)
        self.memory_encoder = MemoryEncoder(config)
        self.sam_prompt_encoder = PromptEncoder(dim)
        self.sam_mask_decoder = MaskDecoder(config)
        self.mask_downsample = nn.Conv2d(1, 1, kernel_size=4, stride=4)
        self.obj_ptr_proj = MLP(dim, dim, dim, dim)
        self.maskmem_tpos_enc = nn.Parameter(0.02 * torch.randn(config.memory_frames, 1, 1, memory_dim))
        self.no_mem_embed = nn.Parameter(0.02 * torch.randn(1, 1, dim))
        self.no_mem_pos_enc = nn.Parameter(0.02 * torch.randn(1, 1, dim))
        self.no_obj_ptr = nn.Parameter(0.02 * torch.randn(1, dim))
        if config.marks_absent_memories:
            self.no_obj_embed_spatial = nn.Parameter(0.02 * torch.randn(1, memory_dim))
        if config.encodes_pointer_time:
            self.obj_ptr_tpos_proj = nn.Linear(dim, memory_dim)

    @property
    def encoder_blocks(self) -> Iterable[nn.Module]:
        """The trunk's."""
        return self.image_encoder.trunk.blocks

    def encode_image(self, images: Tensor, shown: Tensor | None = None) -> ImageFeatures:
        """Features of images (``forward_image``); what is beyond the slice is part of them."""
        normalised, decoder = self.normalised(images), self.sam_mask_decoder
        if self.config.has_plain_encoder:
            return ImageFeatures(self.image_encoder(normalised))
        s4, s8, s16 = self.image_encoder(normalised, (decoder.conv_s0, decoder.conv_s1))
        return ImageFeatures(s16, s8, s4)

    def condition(self, s16: Tensor, selection: MemorySelection | None) -> Tensor:
        """Stride-16 features (B, dim, h, w) that know the memories; None for an image without any."""
        if selection is None:
            return s16 + self.no_mem_embed.reshape(1, -1, 1, 1)
        memory, positions = self._memory_tokens(selection)
        pointers, pointer_positions = self._pointer_tokens(selection)
        return self.memory_attention(
            s16,
            torch.cat((memory, pointers), dim=1),
            torch.cat((positions, pointer_positions), dim=1),
            pointers.shape[1],
            self._key_bias(selection, pointers.shape[1]),
        )

    def decode(
        self,
        features: ImageFeatures,
        conditioned: Tensor,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        mask_logits: Tensor | None = None,
        ambiguous: bool | Tensor = True,
    ) -> MaskPrediction:
        """Decode one prompt per image (``_forward_sam_heads``)."""
        return self.decode_with_candidates(features, conditioned, points, labels, mask_logits, ambiguous)[0]

    def decode_with_candidates(
        self,
        features: ImageFeatures,
        conditioned: Tensor,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        mask_logits: Tensor | None = None,
        ambiguous: bool | Tensor = True,
    ) -> tuple[MaskPrediction, Candidates]:
        """As ``decode``, with everything that the decoder said."""
        batch, size = len(conditioned), conditioned.shape[-1]
        encoder = self.sam_prompt_encoder
        if points is None:
            ambiguous = False if self.config.single_mask_tracking else ambiguous
            points = conditioned.new_zeros(batch, 1, 2, dtype=torch.float32)
            labels = torch.full((batch, 1), PADDING, device=conditioned.device)
        elif labels is None:
            raise ValueError("points need labels")
        candidates = self.sam_mask_decoder(
            conditioned + encoder.embed_mask(mask_logits, batch, size),
            encoder.position_map(size),
            encoder.embed_points(points, labels, 16 * size),
            features.s8,
            features.s4,
        )
        return self._choose(candidates, ambiguous), candidates

    def take_mask(self, features: ImageFeatures, mask: Tensor) -> MaskPrediction:
        """Take a given mask (B, 1, S, S) of 0 and 1 as the answer (``_use_mask_as_output``).

        The decoder only makes the object pointer.
        """
        logits = F.interpolate(
            mask * MASK_SCALE + MASK_BIAS, scale_factor=0.25, mode="bilinear", antialias=True
        )
        decoded = self.decode(features, features.s16, mask_logits=self.mask_downsample(mask), ambiguous=False)
        present = mask.flatten(1).any(dim=1)
        pointer = torch.where(present[:, None], decoded.pointer, self.no_obj_ptr)
        score = torch.where(present, MASK_SCALE + MASK_BIAS, MASK_BIAS)
        return MaskPrediction(logits, torch.ones_like(score), score, pointer)

    def encode_memory(self, s16: Tensor, mask: Tensor, object_score: Tensor) -> Tensor:
        """Memories of images (``_encode_new_memory``)."""
        memory = self.memory_encoder(s16, mask * MASK_SCALE + MASK_BIAS)
        if self.config.marks_absent_memories:
            absent = (object_score <= 0).to(memory.dtype)
            memory = memory + (absent[:, None] * self.no_obj_embed_spatial)[..., None, None]
        return memory

    def _choose(self, candidates: Candidates, ambiguous: bool | Tensor) -> MaskPrediction:
        rows = torch.arange(len(candidates.iou), device=candidates.iou.device)
        ambiguous = torch.as_tensor(ambiguous, device=rows.device)
        best = 1 + candidates.iou[:, 1:].argmax(dim=1)
        # The single mask's token stays the pointer even where the mask itself gives way.
        token = candidates.tokens[rows, torch.where(ambiguous, best, 0)]
        if not self.training and not self.config.single_mask_tracking:
            ambiguous = ambiguous | (_stability(candidates.logits[:, 0]) < STABILITY_THRESHOLD)
        best = torch.where(ambiguous, best, 0)
        present = candidates.object_score > 0
        logits = candidates.logits[rows, best][:, None].float()
        pointer = torch.where(present[:, None], self.obj_ptr_proj(token), self.no_obj_ptr)
        return MaskPrediction(
            logits=torch.where(present[:, None, None, None], logits, ABSENT_LOGIT),
            iou=candidates.iou[rows, best],
            object_score=candidates.object_score,
            pointer=pointer,
        )

    def _memory_tokens(self, selection: MemorySelection) -> tuple[Tensor, Tensor]:
        memories = selection.memories
        batch, count, channels, height, width = memories.shape
        tokens = memories.permute(0, 1, 3, 4, 2).reshape(batch, -1, channels)
        positions = sine_map(channels, height, width).to(memories.device).flatten(2).transpose(1, 2)
        positions = positions.expand(count, -1, -1)
        if selection.time_index is not None:
            positions = positions + self.maskmem_tpos_enc[selection.time_index, 0]
        return tokens, positions.reshape(1, -1, channels)

    def _pointer_tokens(self, selection: MemorySelection) -> tuple[Tensor, Tensor]:
        """Pointers split into tokens of the memories' width, with their time codes."""
        channels = self.config.memory_dim
        tokens = selection.pointers.unflatten(2, (-1, channels))
        split = tokens.shape[2]
        tokens = tokens.flatten(1, 2)
        if not self.config.encodes_pointer_time:
            return tokens, tokens.new_zeros(1, tokens.shape[1], channels)
        distances = torch.tensor(selection.pointer_distances, dtype=torch.float32, device=tokens.device)
        codes = self.obj_ptr_tpos_proj(sine_of_time(distances, self.config.model_dim))
        return tokens, codes.repeat_interleave(split, dim=0)[None]

    def _key_bias(self, selection: MemorySelection, pointer_tokens: int) -> Tensor | None:
        if selection.log_weights is None:
            return None
        tokens_each = selection.memories.shape[-2] * selection.memories.shape[-1]
        bias = selection.log_weights.to(selection.memories.device).repeat_interleave(tokens_each)
        return F.pad(bias, (0, pointer_tokens))


def _stability(logits: Tensor) -> Tensor:
    """Area above a slightly raised threshold over that above a lowered one, (B,)."""
    inner = (logits > STABILITY_DELTA).flatten(1).sum(dim=1).float()
    outer = (logits > -STABILITY_DELTA).flatten(1).sum(dim=1).float()
    return torch.where(outer > 0, inner / outer.clamp(min=1), 1.0)
