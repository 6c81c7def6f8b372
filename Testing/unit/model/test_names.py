"""Parameter names and shapes are those of the official checkpoints, so that they load unchanged."""

import pytest
import torch

from medsam2.model.config import network_config
from medsam2.model.network import MedSAM2


def shapes_of(preset: str, family: str) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        network = MedSAM2(network_config(preset, family))
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def layer(name: str, *weight: int) -> dict[str, tuple[int, ...]]:
    """A linear layer, a convolution or, with a single number, a norm."""
    return {f"{name}.weight": weight, f"{name}.bias": weight[:1]}


def transposed(name: str, *weight: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": weight, f"{name}.bias": weight[1:2]}


def attention(name: str, inner: int, key_width: int = 256) -> dict[str, tuple[int, ...]]:
    return (
        layer(f"{name}.q_proj", inner, 256)
        | layer(f"{name}.k_proj", inner, key_width)
        | layer(f"{name}.v_proj", inner, key_width)
        | layer(f"{name}.out_proj", 256, inner)
    )


def tiny_image_encoder() -> dict[str, tuple[int, ...]]:
    trunk, neck = "image_encoder.trunk", "image_encoder.neck"
    names = {f"{trunk}.pos_embed": (1, 96, 7, 7), f"{trunk}.pos_embed_window": (1, 96, 8, 8)}
    names |= layer(f"{trunk}.patch_embed.proj", 96, 3, 7, 7)
    widths = [96, *[192] * 2, *[384] * 7, *[768] * 2]
    for i, (wide, before) in enumerate(zip(widths, [96, *widths], strict=False)):
        block = f"{trunk}.blocks.{i}"
        names |= layer(f"{block}.norm1", before) | layer(f"{block}.norm2", wide)
        names |= layer(f"{block}.attn.qkv", 3 * wide, before) | layer(f"{block}.attn.proj", wide, wide)
        names |= layer(f"{block}.mlp.layers.0", 4 * wide, wide) | layer(
            f"{block}.mlp.layers.1", wide, 4 * wide
        )
        if i in (1, 3, 10):
            names |= layer(f"{block}.proj", wide, before)
    for i, wide in enumerate((768, 384, 192, 96)):
        names |= layer(f"{neck}.convs.{i}.conv", 256, wide, 1, 1)
    return names


def memory_attention() -> dict[str, tuple[int, ...]]:
    names = layer("memory_attention.norm", 256)
    for i in range(4):
        block = f"memory_attention.layers.{i}"
        names |= attention(f"{block}.self_attn", 256) | attention(f"{block}.cross_attn_image", 256, 64)
        names |= layer(f"{block}.linear1", 2048, 256) | layer(f"{block}.linear2", 256, 2048)
        for norm in ("norm1", "norm2", "norm3"):
            names |= layer(f"{block}.{norm}", 256)
    return names


def memory_encoder() -> dict[str, tuple[int, ...]]:
    downsampler = "memory_encoder.mask_downsampler.encoder"
    names = layer(f"{downsampler}.12", 256, 256, 1, 1)
    for i, (before, wide) in enumerate(((1, 4), (4, 16), (16, 64), (64, 256))):
        names |= layer(f"{downsampler}.{3 * i}", wide, before, 3, 3) | layer(
            f"{downsampler}.{3 * i + 1}", wide
        )
    for i in range(2):
        block = f"memory_encoder.fuser.layers.{i}"
        names |= (
            {f"{block}.gamma": (256,)} | layer(f"{block}.dwconv", 256, 1, 7, 7) | layer(f"{block}.norm", 256)
        )
        names |= layer(f"{block}.pwconv1", 1024, 256) | layer(f"{block}.pwconv2", 256, 1024)
    names |= layer("memory_encoder.pix_feat_proj", 256, 256, 1, 1)
    return names | layer("memory_encoder.out_proj", 64, 256, 1, 1)


def prompt_encoder() -> dict[str, tuple[int, ...]]:
    encoder = "sam_prompt_encoder"
    names = {f"{encoder}.pe_layer.positional_encoding_gaussian_matrix": (2, 128)}
    for embedding in (*(f"point_embeddings.{i}" for i in range(4)), "not_a_point_embed", "no_mask_embed"):
        names[f"{encoder}.{embedding}.weight"] = (1, 256)
    names |= layer(f"{encoder}.mask_downscaling.0", 4, 1, 2, 2) | layer(f"{encoder}.mask_downscaling.1", 4)
    names |= layer(f"{encoder}.mask_downscaling.3", 16, 4, 2, 2) | layer(f"{encoder}.mask_downscaling.4", 16)
    return names | layer(f"{encoder}.mask_downscaling.6", 256, 16, 1, 1)


def mask_decoder() -> dict[str, tuple[int, ...]]:
    decoder = "sam_mask_decoder"
    names = {f"{decoder}.{token}.weight": (1, 256) for token in ("iou_token", "obj_score_token")}
    names[f"{decoder}.mask_tokens.weight"] = (4, 256)
    for i in range(2):
        block = f"{decoder}.transformer.layers.{i}"
        names |= attention(f"{block}.self_attn", 256)
        names |= attention(f"{block}.cross_attn_token_to_image", 128)
        names |= attention(f"{block}.cross_attn_image_to_token", 128)
        names |= layer(f"{block}.mlp.layers.0", 2048, 256) | layer(f"{block}.mlp.layers.1", 256, 2048)
        for norm in ("norm1", "norm2", "norm3", "norm4"):
            names |= layer(f"{block}.{norm}", 256)
    names |= attention(f"{decoder}.transformer.final_attn_token_to_image", 128)
    names |= layer(f"{decoder}.transformer.norm_final_attn", 256)
    names |= transposed(f"{decoder}.output_upscaling.0", 256, 64, 2, 2)
    names |= layer(f"{decoder}.output_upscaling.1", 64)
    names |= transposed(f"{decoder}.output_upscaling.3", 64, 32, 2, 2)
    names |= layer(f"{decoder}.conv_s0", 32, 256, 1, 1) | layer(f"{decoder}.conv_s1", 64, 256, 1, 1)
    heads = {f"output_hypernetworks_mlps.{i}": 32 for i in range(4)}
    heads |= {"iou_prediction_head": 4, "pred_obj_score_head": 1}
    for head, outputs in heads.items():
        for i, wide in enumerate((256, 256, outputs)):
            names |= layer(f"{decoder}.{head}.layers.{i}", wide, 256)
    return names


def top_level() -> dict[str, tuple[int, ...]]:
    names = {
        "maskmem_tpos_enc": (7, 1, 1, 64),
        "no_mem_embed": (1, 1, 256),
        "no_mem_pos_enc": (1, 1, 256),
        "no_obj_ptr": (1, 256),
    }
    for i in range(3):
        names |= layer(f"obj_ptr_proj.layers.{i}", 256, 256)
    return names | layer("mask_downsample", 1, 1, 4, 4)


ADDED_IN_2_1 = {"no_obj_embed_spatial": (1, 64)} | layer("obj_ptr_tpos_proj", 64, 256)


def tiny_of_sam_2_0() -> dict[str, tuple[int, ...]]:
    parts = (
        top_level,
        tiny_image_encoder,
        memory_attention,
        memory_encoder,
        prompt_encoder,
        mask_decoder,
    )
    return {name: shape for part in parts for name, shape in part().items()}


def test_names_and_shapes_of_tiny():
    assert shapes_of("tiny", "sam2.0") == tiny_of_sam_2_0()
    assert shapes_of("tiny", "sam2.1") == tiny_of_sam_2_0() | ADDED_IN_2_1
    assert shapes_of("tiny_512", "sam2.1") == shapes_of("tiny", "sam2.1")


@pytest.mark.parametrize(
    ("preset", "tensors", "numbers"),
    [
        ("tiny", 468, 38_946_242),
        ("small", 516, 46_044_098),
        ("base_plus", 612, 80_833_922),
        ("large", 900, 224_430_386),
    ],
)
def test_counts_of_every_size(preset, tensors, numbers):
    """Measured on the official models; SAM 2.1 adds three tensors of 64 + 64 * 256 + 64 numbers."""
    for family, more_tensors, more_numbers in (("sam2.0", 0, 0), ("sam2.1", 3, 16_512)):
        shapes = shapes_of(preset, family)
        assert len(shapes) == tensors + more_tensors
        assert sum(torch.Size(shape).numel() for shape in shapes.values()) == numbers + more_numbers


@pytest.mark.parametrize(
    ("preset", "width", "background", "changes"),
    [
        ("small", 96, 7, (1, 3, 14)),
        ("base_plus", 112, 14, (2, 5, 21)),
        ("large", 144, 7, (2, 8, 44)),
    ],
)
def test_trunk_of_the_larger_sizes(preset, width, background, changes):
    shapes = shapes_of(preset, "sam2.1")
    trunk = "image_encoder.trunk"
    assert shapes[f"{trunk}.pos_embed"] == (1, width, background, background)
    assert shapes[f"{trunk}.pos_embed_window"] == (1, width, 8, 8)
    found = [name for name in shapes if name.startswith(f"{trunk}.blocks") and name.endswith(".proj.weight")]
    blocks = {int(name.split(".")[3]) for name in found if ".attn." not in name}
    assert blocks == set(changes)
    for step, block in enumerate(changes):
        assert shapes[f"{trunk}.blocks.{block}.proj.weight"] == (width * 2 ** (step + 1), width * 2**step)
    for level in range(4):
        assert shapes[f"image_encoder.neck.convs.{level}.conv.weight"] == (
            256,
            width * 2 ** (3 - level),
            1,
            1,
        )


def efficienttam(width: int) -> dict[str, tuple[int, ...]]:
    """SAM 2.0's names with those of a plain image encoder, and without what its finer maps are for."""
    trunk, level = "image_encoder.trunk", "image_encoder.neck.convs.0"
    names = {
        name: shape
        for name, shape in tiny_of_sam_2_0().items()
        if not name.startswith(("image_encoder.", "sam_mask_decoder.conv_s"))
    }
    names |= {f"{trunk}.pos_embed": (1, 197, width)} | layer(f"{trunk}.patch_embed.proj", width, 3, 16, 16)
    for i in range(12):
        block = f"{trunk}.blocks.{i}"
        names |= layer(f"{block}.norm1", width) | layer(f"{block}.norm2", width)
        names |= layer(f"{block}.attn.qkv", 3 * width, width) | layer(f"{block}.attn.proj", width, width)
        names |= layer(f"{block}.mlp.layers.0", 4 * width, width)
        names |= layer(f"{block}.mlp.layers.1", width, 4 * width)
    names |= {f"{level}.conv_1x1.weight": (256, width, 1, 1), f"{level}.conv_3x3.weight": (256, 256, 3, 3)}
    return names | layer(f"{level}.norm_0", 256) | layer(f"{level}.norm_1", 256)


@pytest.mark.parametrize(("size", "width", "numbers"), [("ti", 192, 17_866_018), ("s", 384, 34_055_842)])
def test_names_and_shapes_of_efficienttam(size, width, numbers):
    """Numbers counted on the public source's models, whose variants have the same tensors."""
    for variant in ("", "_512", "_1", "_2"):
        shapes = shapes_of(f"efficienttam_{size}{variant}", "efficienttam")
        assert shapes == efficienttam(width)
        assert len(shapes) == 455
        in_buffers = torch.Size(shapes["sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"])
        assert sum(torch.Size(shape).numel() for shape in shapes.values()) - in_buffers.numel() == numbers
