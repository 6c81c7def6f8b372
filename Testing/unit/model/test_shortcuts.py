"""Shortcuts change what is computed, and little of what comes of it."""

from dataclasses import replace

import pytest
import torch

from medsam2.model import shortcuts as shortcuts_module
from medsam2.model.building import build_network
from medsam2.model.config import STARTER, network_config
from medsam2.model.int8 import is_int8_whole
from medsam2.model.segmentation_network import MemorySelection
from medsam2.model.shortcuts import take_shortcuts
from medsam2.model.slice_wise_config import ViTSizes
from medsam2.shortcuts import EXACT, FAST, Shortcuts

SIZE = 64
SMALL = replace(STARTER, image_size=SIZE)


def network_that_takes(shortcuts: Shortcuts, config=SMALL):
    torch.manual_seed(3)
    network = build_network(config).eval()
    take_shortcuts(network, shortcuts)
    return network


@torch.no_grad()
def conditioned(network, memories: torch.Tensor, log_weights: torch.Tensor | None = None) -> torch.Tensor:
    torch.manual_seed(4)
    places = list(range(memories.shape[1]))
    selection = MemorySelection(memories, places, torch.randn(1, 2, 128), [0.1, 0.2], log_weights)
    features = network.encode_image(torch.rand(1, 1, SIZE, SIZE))
    found = network.condition(features.s16, selection)
    assert {each.dtype for each in (found, *features)} == {torch.float32}
    return found


@pytest.fixture
def quick_bf16(monkeypatch):
    monkeypatch.setattr(shortcuts_module, "is_bf16_quick", lambda device_type: True)


def test_memories_without_detail_lose_nothing_by_pooling():
    """Values and their numbers are kept; only the keys' rotary codes are averaged."""
    flat = torch.randn(1, 3, 64, 1, 1).expand(-1, -1, -1, SIZE // 16, SIZE // 16)
    exact, pooled = (network_that_takes(each) for each in (EXACT, Shortcuts(pooled_memories=True)))
    assert pooled.shortcuts.pooled_memories
    assert (conditioned(pooled, flat) - conditioned(exact, flat)).abs().max() < 0.02
    detailed = torch.randn(1, 3, 64, SIZE // 16, SIZE // 16)
    assert not torch.equal(conditioned(pooled, detailed), conditioned(exact, detailed))


def test_half_of_the_bits_make_a_small_difference(quick_bf16):
    memories = torch.randn(1, 3, 64, SIZE // 16, SIZE // 16)
    exact, half = (network_that_takes(each) for each in (EXACT, Shortcuts(bf16=True)))
    assert half.encoder_blocks[0].mlp.layers[0].weight.dtype == torch.bfloat16
    assert half.memory_attention.layers[0].linear1.weight.dtype == torch.bfloat16
    assert half.memory_attention.norm.weight.dtype == torch.float32
    assert half.image_encoder.trunk.patch_embed.proj.weight.dtype == torch.float32
    assert half.sam_mask_decoder.iou_prediction_head.layers[0].weight.dtype == torch.float32
    expected = conditioned(exact, memories)
    assert (conditioned(half, memories) - expected).abs().mean() < 0.02 * expected.abs().mean()


@pytest.fixture
def quick_int8(monkeypatch):
    if not is_int8_whole():
        pytest.skip("a processor without products in int8")
    monkeypatch.setattr(shortcuts_module, "is_bf16_quick", lambda device_type: False)
    monkeypatch.setattr(shortcuts_module, "is_int8_quick", lambda device_type: device_type == "cpu")


def test_a_fourth_of_the_bits_makes_a_small_difference(quick_int8, monkeypatch):
    memories = torch.randn(1, 3, 64, SIZE // 16, SIZE // 16)
    exact, layers = (network_that_takes(each) for each in (EXACT, FAST))
    assert layers.shortcuts == Shortcuts(int8=True)
    assert not [name for part in shortcuts_module._narrow_parts(layers) for name in _linear_layers(part)]
    assert _linear_layers(layers.sam_mask_decoder)
    assert _linear_layers(layers.memory_encoder)
    expected, of_layers = conditioned(exact, memories), conditioned(layers, memories)
    assert 0 < (of_layers - expected).abs().mean() < 0.04 * expected.abs().mean()
    monkeypatch.setattr(shortcuts_module, "SIDE_FOR_INT8", SIZE)
    in_int8 = network_that_takes(FAST)
    of_memories = conditioned(in_int8, memories)
    assert 0 < (of_memories - of_layers).abs().mean() < 0.04 * expected.abs().mean()
    weights = torch.tensor([0.0, -1.0, -torch.inf])
    weighted, expected = (conditioned(each, memories, weights) for each in (in_int8, exact))
    assert (weighted - expected).abs().mean() < 0.04 * expected.abs().mean()
    assert (weighted - of_memories).abs().mean() > 0.05 * expected.abs().mean()


def _linear_layers(part):
    return [name for name, each in part.named_modules() if isinstance(each, torch.nn.Linear)]


def test_bf16_comes_before_int8(quick_int8, quick_bf16):
    assert network_that_takes(FAST).shortcuts == Shortcuts(bf16=True)
    assert network_that_takes(Shortcuts(int8=True)).shortcuts == Shortcuts(int8=True)


@pytest.mark.skipif(
    not torch.backends.mkldnn.is_available() or not torch.ops.mkldnn._is_mkldnn_bf16_supported(),
    reason="a processor without bf16",
)
def test_packed_weights_say_the_same(quick_bf16, monkeypatch):
    memories = torch.randn(1, 3, 64, SIZE // 16, SIZE // 16)
    network = network_that_takes(Shortcuts(bf16=True))
    part = network.memory_attention.layers[0]
    assert all(each.weight.is_mkldnn for each in (network.encoder_blocks[0].attn.qkv, part.linear1))
    as_packed = conditioned(network, memories)
    monkeypatch.setattr(shortcuts_module, "packed", lambda weight: weight)
    as_is = conditioned(network_that_takes(Shortcuts(bf16=True)), memories)
    assert (as_packed - as_is).abs().mean() < 0.005 * as_is.abs().mean()


def test_a_processor_that_is_slow_in_bf16_keeps_fp32(monkeypatch):
    monkeypatch.setattr(shortcuts_module, "is_bf16_quick", lambda device_type: False)
    monkeypatch.setattr(shortcuts_module, "is_int8_quick", lambda device_type: False)
    network = network_that_takes(Shortcuts(pooled_memories=True, bf16=True, int8=True))
    assert {each.dtype for each in network.parameters()} == {torch.float32}
    assert network.shortcuts == Shortcuts(pooled_memories=True)
    assert len(_linear_layers(network)) == len(_linear_layers(network_that_takes(EXACT)))


@pytest.mark.parametrize("preset", ["sam_vit_b", "sam_med2d"])
def test_a_network_that_knows_one_slice_sees_nearly_the_same(preset, quick_bf16):
    encoder = ViTSizes(width=32, depth=2, heads=2, global_blocks=(1,))
    config = replace(network_config(preset), image_size=SIZE, encoder=encoder)
    exact, half = (network_that_takes(each, config) for each in (EXACT, Shortcuts(bf16=True)))
    assert half.encoder_blocks[0].attn.qkv.weight.dtype == torch.bfloat16
    image = torch.rand(1, 1, SIZE, SIZE)
    with torch.inference_mode():
        expected, found = (each.encode_image(image).s16 for each in (exact, half))
    assert found.dtype == torch.float32
    assert (found - expected).abs().mean() < 0.02 * expected.abs().mean()


@pytest.mark.parametrize("preset", ["sam_vit_b", "sam_med2d", "efficienttam_ti_512", "mobile_sam"])
def test_all_encoders_see_nearly_the_same_in_int8(preset, quick_int8):
    config = network_config(preset)
    if preset.startswith("sam"):
        encoder = ViTSizes(width=32, depth=2, heads=2, global_blocks=(1,))
        config = replace(config, image_size=SIZE, encoder=encoder)
    exact, network = (network_that_takes(each, config) for each in (EXACT, FAST))
    assert network.shortcuts.int8
    if preset == "efficienttam_ti_512":
        assert not any(each.cross_attn_image.in_int8 for each in exact.memory_attention.layers)
        assert all(each.cross_attn_image.in_int8 for each in network.memory_attention.layers)
    image = torch.rand(1, 1, config.image_size, config.image_size)
    with torch.inference_mode():
        expected, found = (each.encode_image(image).s16 for each in (exact, network))
    assert 0 < (found - expected).abs().mean() < 0.06 * expected.abs().mean()


def test_a_network_that_knows_one_slice_or_pools_already_keeps_its_ways(quick_bf16):
    for preset, pooling in (("efficienttam_ti_2", 2), ("mobile_sam", None)):
        network = network_that_takes(Shortcuts(pooled_memories=True, bf16=True), network_config(preset))
        assert not network.shortcuts.pooled_memories
        if pooling:
            assert {each.cross_attn_image.pooling for each in network.memory_attention.layers} == {pooling}


def test_how_quick_bf16_is_here_is_measured_once():
    shortcuts_module.is_bf16_quick.cache_clear()
    first = shortcuts_module.is_bf16_quick("cpu")
    assert first == shortcuts_module.is_bf16_quick("cpu")
    assert shortcuts_module.is_bf16_quick.cache_info().misses == 1
    assert not shortcuts_module.is_bf16_quick("mps")
