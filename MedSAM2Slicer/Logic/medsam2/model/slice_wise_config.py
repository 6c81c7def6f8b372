"""The sizes and the use of networks that know one slice only: SAM and what was trained from it.

The numbers are those of the official programs (``build_sam.py``, ``predictor.py``, ``MedSAM_Inference.py``,
``predictor_sammed.py``, ``CVPR24_LiteMedSAM_infer.py``).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from .segmentation_config import SegmentationConfig, Signature

Resampling = Literal["bilinear", "area", "cubic", "nearest"]
"""``"area"`` takes the mean of what a pixel covers."""


@dataclass(frozen=True)
class EncoderSizes(ABC):
    """What fixes the shape of a slice-wise network's image encoder."""

    @property
    @abstractmethod
    def stride(self) -> int:
        """Pixels of the image to one of the features."""

    @property
    @abstractmethod
    def blocks(self) -> tuple[str, int]:
        """As of ``SegmentationConfig``."""

    @abstractmethod
    def signature(self, grid: int) -> Signature:
        """As of ``SegmentationConfig``, for features of ``grid`` rows."""


@dataclass(frozen=True)
class ViTSizes(EncoderSizes):
    """SAM's plain vision transformer.

    Attributes:
        width, depth, heads: channels, number of blocks, heads of each.
        global_blocks: indices of the blocks that attend over the whole map.
        has_adapters: each block has SAM-Med2D's adapter.
    """

    width: int
    depth: int
    heads: int
    global_blocks: tuple[int, ...]
    has_adapters: bool = False

    @property
    def stride(self) -> int:
        """Side of a patch."""
        return 16

    @property
    def window(self) -> int:
        """Side of the windows of all other blocks."""
        return 14

    @property
    def blocks(self) -> tuple[str, int]:
        """The transformer's."""
        return r"image_encoder\.blocks\.(\d+)\.", self.depth

    def signature(self, grid: int) -> Signature:
        """The first convolution, the positions, and what other plain transformers lack."""
        block = "image_encoder.blocks.0."
        adapter: Signature = {f"{block}Adapter.norm.weight": (self.width,)} if self.has_adapters else {}
        return {
            "image_encoder.patch_embed.proj.weight": (self.width, 3, self.stride, self.stride),
            "image_encoder.pos_embed": (1, grid, grid, self.width),
            f"{block}attn.rel_pos_h": (2 * self.window - 1, self.width // self.heads),
            **adapter,
        }


@dataclass(frozen=True)
class TinyViTSizes(EncoderSizes):
    """TinyViT with 5 million numbers, as MobileSAM and LiteMedSAM have it.

    Attributes:
        patch_kernel: side of the two convolutions at the entrance, which halve the image where it is 3.
        has_classifier: the file holds the head of the classifier that the encoder was at first.
    """

    patch_kernel: int
    has_classifier: bool = False

    @property
    def stride(self) -> int:
        """The blocks shrink the map four times, the entrance another four times or not at all."""
        return 16 if self.patch_kernel == 3 else 4

    @property
    def blocks(self) -> tuple[str, int]:
        """Those of all stages."""
        return r"image_encoder\.layers\.(\d+\.blocks\.\d+)\.", 12

    def signature(self, grid: int) -> Signature:
        """The first convolution."""
        return {"image_encoder.patch_embed.seq.0.c.weight": (32, 3, self.patch_kernel, self.patch_kernel)}


@dataclass(frozen=True)
class SliceWiseConfig(SegmentationConfig):
    """Everything that fixes the shape and the use of a network that knows one slice only: SAM and its kin.

    Attributes:
        encoder: the image encoder.
        resampling: how a slice becomes the network's image.
        normalisation: ``"statistics"`` of ImageNet, or the ``"range"`` of each image from 0 to 1.
        truncated: grey values become whole numbers of 0 to 255 by dropping the rest, not by rounding.
        multimask: when the best of three masks is taken: where one point leaves it open, ``"always"``, or
            ``"never"``.
        model_dim: channels of the features and of the mask decoder.
        decoder_heads, decoder_feedforward: the mask decoder's two-way transformer.
    """

    encoder: EncoderSizes = ViTSizes(768, 12, 12, (2, 5, 8, 11))
    resampling: Resampling = "bilinear"
    normalisation: Literal["statistics", "range"] = "statistics"
    truncated: bool = False
    multimask: Literal["ambiguous", "always", "never"] = "ambiguous"
    # What corrects or continues another mask is clear (``SamPredictor.predict``).
    single_mask_tracking: bool = True
    model_dim: int = 256
    decoder_heads: int = 8
    decoder_feedforward: int = 2048

    @property
    def grid(self) -> int:
        """Rows and columns of the features."""
        return self.image_size // self.encoder.stride

    @property
    def logit_size(self) -> int:
        """Four times the features' side."""
        return 4 * self.grid

    @property
    def signature(self) -> Signature:
        """The encoder's."""
        return self.encoder.signature(self.grid)

    @property
    def blocks(self) -> tuple[str, int]:
        """The encoder's."""
        return self.encoder.blocks
