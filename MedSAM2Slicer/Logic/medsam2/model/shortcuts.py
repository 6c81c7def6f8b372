"""Shortcuts that a built network takes: nearly the same masks, sooner."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from medsam2.shortcuts import Shortcuts

from .int8 import Int8Linear, is_int8_quick
from .memory_attention import MemoryAttentionLayer, RotaryAttention
from .network import MedSAM2
from .products import QUICKER, Linear, linear, packed, times_as_quick
from .segmentation_network import SegmentationNetwork

SIDE_FOR_INT8 = 512
"""From images of so many pixels a side on int8 is the quicker way to look at memories."""


def take_shortcuts(network: SegmentationNetwork, shortcuts: Shortcuts) -> None:
    """Change a network in place, for inference alone; ``network.shortcuts`` then says what it takes.

    Shortcuts that it cannot take, or that are none on its device, are left out.
    """
    device, attentions = network.device.type, list(_attentions_to_memories(network))
    pools = shortcuts.pooled_memories and any(not each.pooling for each in attentions)
    bf16 = shortcuts.bf16 and is_bf16_quick(device)
    int8 = shortcuts.int8 and not bf16 and is_int8_quick(device)
    for attention in attentions:
        attention.pooling = attention.pooling or int(pools)
        attention.in_int8 = int8 and network.config.image_size >= SIDE_FOR_INT8
    for part in _narrow_parts(network):
        if bf16:
            _compute_in_bf16(part)
        if int8:
            _compute_in_int8(part)
    network.shortcuts = Shortcuts(pools, bf16, int8)


def _attentions_to_memories(network: SegmentationNetwork) -> Iterator[RotaryAttention]:
    if isinstance(network, MedSAM2):
        for layer in network.memory_attention.layers:
            assert isinstance(layer, MemoryAttentionLayer)
            yield layer.cross_attn_image


def _narrow_parts(network: SegmentationNetwork) -> Iterator[nn.Module]:
    """Parts in bf16 or int8, which take nearly all of the time.

    In bf16 the image's first layer and the neck would lose as much of the masks as all of these, the mask
    decoder and the encoder of memories several times as much.
    """
    yield from network.encoder_blocks
    if isinstance(network, MedSAM2):
        yield network.memory_attention


def _compute_in_bf16(part: nn.Module) -> None:
    """Products in bf16; normalisation, the sums of the blocks and what comes out stay in fp32.

    Autocast would convert the weights at each call: kept in bf16 they save a tenth.
    """
    for module in part.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            module.to(torch.bfloat16)
        if isinstance(module, Linear) and module.weight.device.type == "cpu":
            module.weight = nn.Parameter(packed(module.weight.detach()), requires_grad=False)
    compute = part.forward

    def forward(first: Tensor, *others: Any) -> Tensor:
        with torch.autocast(first.device.type, dtype=torch.bfloat16):
            return compute(first, *others).float()

    part.forward = forward


def _compute_in_int8(part: nn.Module) -> None:
    """Saves a third of a slice from 512 pixels on, a seventh where fp32 has AVX-512."""
    for parent in list(part.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, Linear):
                setattr(parent, name, Int8Linear(layer))


@cache
def is_bf16_quick(device_type: str) -> bool:
    """Whether this computer multiplies in bf16 more quickly than in fp32; measured once, in milliseconds.

    With instructions for bf16 it is 1.8 to eight times as quick, without them slower. Elsewhere than on the
    processor torch knows.
    """
    if device_type == "cuda":
        return torch.cuda.get_device_capability() >= (8, 0)  # older ones emulate it
    if device_type != "cpu":
        return False
    with torch.inference_mode():
        x, weight = torch.randn(512, 384), torch.randn(768, 384)
        half_x, half_weight = x.bfloat16(), weight.bfloat16()
        return times_as_quick(lambda: linear(x, weight), lambda: linear(half_x, half_weight)) > QUICKER
