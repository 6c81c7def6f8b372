"""Parameter names and shapes of slice-wise networks are those of the official files."""

import pytest
import torch

from medsam2.model.building import build_network
from medsam2.model.config import network_config

from .test_names import attention, layer, transposed

Shapes = dict[str, tuple[int, ...]]


def shapes_of(preset: str) -> Shapes:
    with torch.device("meta"):
        network = build_network(network_config(preset))
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def prompt_encoder() -> Shapes:
    part = "prompt_encoder"
    names: Shapes = {f"{part}.pe_layer.positional_encoding_gaussian_matrix": (2, 128)}
    for embedding in [f"point_embeddings.{kind}" for kind in range(4)] + [
        "not_a_point_embed",
        "no_mask_embed",
    ]:
        names[f"{part}.{embedding}.weight"] = (1, 256)
    masks = f"{part}.mask_downscaling"
    names |= layer(f"{masks}.0", 4, 1, 2, 2) | layer(f"{masks}.1", 4)
    return (
        names
        | layer(f"{masks}.3", 16, 4, 2, 2)
        | layer(f"{masks}.4", 16)
        | layer(f"{masks}.6", 256, 16, 1, 1)
    )


def mask_decoder() -> Shapes:
    part = "mask_decoder"
    names: Shapes = {f"{part}.iou_token.weight": (1, 256), f"{part}.mask_tokens.weight": (4, 256)}
    transformer = f"{part}.transformer"
    for i in range(2):
        block = f"{transformer}.layers.{i}"
        names |= attention(f"{block}.self_attn", 256)
        names |= attention(f"{block}.cross_attn_token_to_image", 128)
        names |= attention(f"{block}.cross_attn_image_to_token", 128)
        names |= layer(f"{block}.mlp.lin1", 2048, 256) | layer(f"{block}.mlp.lin2", 256, 2048)
        for norm in range(1, 5):
            names |= layer(f"{block}.norm{norm}", 256)
    names |= attention(f"{transformer}.final_attn_token_to_image", 128)
    names |= layer(f"{transformer}.norm_final_attn", 256)
    upscaling = f"{part}.output_upscaling"
    names |= transposed(f"{upscaling}.0", 256, 64, 2, 2) | layer(f"{upscaling}.1", 64)
    names |= transposed(f"{upscaling}.3", 64, 32, 2, 2)
    heads = {f"output_hypernetworks_mlps.{mask}": 32 for mask in range(4)} | {"iou_prediction_head": 4}
    for head, width in heads.items():
        for i, wide in enumerate((256, 256, width)):
            names |= layer(f"{part}.{head}.layers.{i}", wide, 256)
    return names


def image_encoder(width: int, heads: int, grid: int, global_blocks: list[int], adapters: bool) -> Shapes:
    part = "image_encoder"
    names: Shapes = {f"{part}.pos_embed": (1, grid, grid, width)}
    names |= layer(f"{part}.patch_embed.proj", width, 3, 16, 16)
    for i in range(global_blocks[-1] + 1):
        block = f"{part}.blocks.{i}"
        names |= layer(f"{block}.norm1", width) | layer(f"{block}.norm2", width)
        names |= layer(f"{block}.attn.qkv", 3 * width, width) | layer(f"{block}.attn.proj", width, width)
        names |= layer(f"{block}.mlp.lin1", 4 * width, width) | layer(f"{block}.mlp.lin2", width, 4 * width)
        distances = 2 * (grid if i in global_blocks else 14) - 1
        for axis in "hw":
            names[f"{block}.attn.rel_pos_{axis}"] = (distances, width // heads)
        if adapters:
            names |= layer(f"{block}.Adapter.norm", width)
            names[f"{block}.Adapter.channel.0.weight"] = (width // 4, width)
            names[f"{block}.Adapter.channel.2.weight"] = (width, width // 4)
            names[f"{block}.Adapter.spatial.0.weight"] = (width, width, 3, 3)
            names[f"{block}.Adapter.spatial.2.weight"] = (width, width, 4, 4)
    names |= {f"{part}.neck.0.weight": (256, width, 1, 1), f"{part}.neck.2.weight": (256, 256, 3, 3)}
    return names | layer(f"{part}.neck.1", 256) | layer(f"{part}.neck.3", 256)


@pytest.mark.parametrize(
    ("preset", "encoder", "count", "parameters"),
    [
        ("sam_vit_b", (768, 12, 64, [2, 5, 8, 11], False), 314, 93_735_472),
        ("sam_vit_l", (1024, 16, 64, [5, 11, 17, 23], False), 482, 312_342_832),
        ("sam_vit_h", (1280, 16, 64, [7, 15, 23, 31], False), 594, 641_090_608),
        ("medsam", (768, 12, 64, [2, 5, 8, 11], False), 314, 93_735_472),
        ("sam_med2d", (768, 12, 16, [2, 5, 8, 11], True), 386, 271_241_776),
    ],
)
def test_names_and_shapes_are_the_official_ones(preset, encoder, count, parameters):
    shapes = shapes_of(preset)
    assert shapes == image_encoder(*encoder) | prompt_encoder() | mask_decoder()
    assert len(shapes) == count
    # Official counts leave out the only tensor that is not trained.
    fixed = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
    assert sum(torch.Size(shape).numel() for name, shape in shapes.items() if name != fixed) == parameters
