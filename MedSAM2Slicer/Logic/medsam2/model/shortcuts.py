"""Shortcuts that a built network takes: nearly the same masks, sooner."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from medsam2.shortcuts import Shortcuts

from .memory_attention import MemoryAttentionLayer
from .network import MedSAM2
from .products import QUICKER, Linear, linear, packed, times_as_quick
from .segmentation_network import SegmentationNetwork


def take_shortcuts(network: SegmentationNetwork, shortcuts: Shortcuts) -> None:
    """Change a network in place, for inference alone; ``network.shortcuts`` then says what it takes.

    Shortcuts that it cannot take, or that are none on its device, are left out.
    """
    pools = bf16 = False
    if isinstance(network, MedSAM2) and not network.config.memory_pooling:
        pools = shortcuts.pooled_memories
        for layer in network.memory_attention.layers:
            assert isinstance(layer, MemoryAttentionLayer)
            layer.cross_attn_image.pooling = int(pools)
    if shortcuts.bf16 and is_bf16_quick(network.device.type):
        bf16 = True
        for part in _narrow_parts(network):
            _compute_in_bf16(part)
    network.shortcuts = replace(shortcuts, pooled_memories=pools, bf16=bf16)


def _narrow_parts(network: SegmentationNetwork) -> Iterator[nn.Module]:
    """Parts in bf16, which take nearly all of the time.

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
