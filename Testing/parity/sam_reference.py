"""The reference of the slice-wise networks: the `segment-anything` 1.0 package, with seeded weights.

Tests only. Images are those that the image encoder sees, (B, 3, S, S).
"""

import importlib
import importlib.util
import sys
from types import ModuleType

import torch
from torch import Tensor, nn

from medsam2.model.slice_wise_config import SliceWiseConfig, ViTSizes

from .seeded_weights import seed_weights


def package_without_init(name: str, folder: str) -> None:
    """Let a package's modules be imported without its first file, which asks for torchvision.

    Those of another package of the same name are forgotten.
    """
    for module in [module for module in sys.modules if module.startswith(f"{name}.")]:
        del sys.modules[module]
    package = ModuleType(name)
    package.__path__ = [folder]
    sys.modules[name] = package


def _build_sam() -> ModuleType:
    found = importlib.util.find_spec("segment_anything")
    if found is None or not found.submodule_search_locations:
        raise ImportError("segment-anything is not installed")
    package_without_init("segment_anything", found.submodule_search_locations[0])
    return importlib.import_module("segment_anything.build_sam")


_OFFICIAL = _build_sam()


def official_shapes(preset: str) -> dict[str, torch.Size]:
    """Names and shapes of all tensors of ``"sam_vit_b"``, ``"sam_vit_l"`` or ``"sam_vit_h"``."""
    with torch.device("meta"):
        network = getattr(_OFFICIAL, f"build_{preset}")()
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


def build_reference(config: SliceWiseConfig) -> nn.Module:
    """The official network with the sizes of ``config``, put together as ``_build_sam`` does."""
    sizes = config.encoder
    assert isinstance(sizes, ViTSizes)
    parts, grid, image = _OFFICIAL, (config.grid, config.grid), (config.image_size, config.image_size)
    network = parts.Sam(
        parts.ImageEncoderViT(
            img_size=config.image_size,
            embed_dim=sizes.width,
            depth=sizes.depth,
            num_heads=sizes.heads,
            norm_layer=parts.partial(nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            global_attn_indexes=sizes.global_blocks,
            window_size=14,
        ),
        parts.PromptEncoder(256, grid, image, mask_in_chans=16),
        parts.MaskDecoder(
            transformer_dim=256,
            transformer=parts.TwoWayTransformer(depth=2, embedding_dim=256, num_heads=8, mlp_dim=2048),
        ),
    )
    seed_weights(network)
    strengthen_positions(network.image_encoder.pos_embed)
    return network.eval()


@torch.no_grad()
def strengthen_positions(positions: Tensor) -> None:
    """Seeded weights are small in a tensor of so many numbers; a misplaced one would go unseen."""
    positions.mul_(0.5 * positions.numel() ** 0.5)


@torch.inference_mode()
def answer(network: nn.Module, features: Tensor, multimask: bool, **prompt) -> tuple[Tensor, Tensor]:
    """Logits (1, masks, S/4, S/4) and IoU (1, masks), of ``points``, ``boxes`` and ``masks``."""
    prompt = {"points": None, "boxes": None, "masks": None} | prompt
    sparse, dense = network.prompt_encoder(**prompt)
    return network.mask_decoder(
        image_embeddings=features,
        image_pe=network.prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=multimask,
    )
