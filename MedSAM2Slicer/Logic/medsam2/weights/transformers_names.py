"""SAM's tensors by the names of the package ``transformers``, as its users publish and fine-tune it."""

import re

from torch import Tensor

CODES = "shared_image_embedding.positional_embedding"
SAME_CODES = "prompt_encoder.shared_embedding.positional_embedding"
"""The same tensor twice; some files leave out the second."""
OFFICIAL = tuple(
    (re.compile(theirs), official)
    for theirs, official in (
        (
            r"^shared_image_embedding\.positional_embedding$",
            "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
        ),
        (r"^vision_encoder\.layers\.", "image_encoder.blocks."),
        (r"^vision_encoder\.", "image_encoder."),
        (r"patch_embed\.projection\.", "patch_embed.proj."),
        (r"neck\.conv1\.", "neck.0."),
        (r"neck\.layer_norm1\.", "neck.1."),
        (r"neck\.conv2\.", "neck.2."),
        (r"neck\.layer_norm2\.", "neck.3."),
        (r"mask_embed\.conv1\.", "mask_downscaling.0."),
        (r"mask_embed\.layer_norm1\.", "mask_downscaling.1."),
        (r"mask_embed\.conv2\.", "mask_downscaling.3."),
        (r"mask_embed\.layer_norm2\.", "mask_downscaling.4."),
        (r"mask_embed\.conv3\.", "mask_downscaling.6."),
        (r"\.point_embed\.", ".point_embeddings."),
        (r"upscale_conv1\.", "output_upscaling.0."),
        (r"upscale_layer_norm\.", "output_upscaling.1."),
        (r"upscale_conv2\.", "output_upscaling.3."),
        (r"(output_hypernetworks_mlps\.\d|iou_prediction_head)\.layers\.0\.", r"\1.layers.1."),
        (r"\.proj_in\.", ".layers.0."),
        (r"\.proj_out\.", ".layers.2."),
        (r"layer_norm(?=\d|_final_attn)", "norm"),
    )
)


def official_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by SAM's own names; those of other networks as they are."""
    if CODES not in tensors:
        return tensors
    return {_official(name): tensor for name, tensor in tensors.items() if name != SAME_CODES}


def _official(name: str) -> str:
    for theirs, official in OFFICIAL:
        name = theirs.sub(official, name)
    return name
