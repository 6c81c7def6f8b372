"""A network that is about to be given weights is built without making some up."""

import pytest
import torch

from medsam2.model.building import blank_network, build_network
from medsam2.model.config import PRESETS, network_config


@pytest.mark.parametrize("preset", PRESETS)
def test_a_blank_network_has_the_state_of_a_random_one(preset):
    config = network_config(preset)
    before = torch.get_rng_state()
    blank = blank_network(config).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    with torch.device("meta"):
        state = build_network(config).state_dict()
    assert [(name, tensor.shape, tensor.dtype) for name, tensor in blank.items()] == [
        (name, tensor.shape, tensor.dtype) for name, tensor in state.items()
    ]


@pytest.mark.parametrize("preset", ["starter", "efficienttam_ti_512", "lite_medsam"])
def test_what_no_weights_are_given_for_is_computed_all_the_same(preset):
    config = network_config(preset)
    network, blank = build_network(config), blank_network(config)
    given = set(network.state_dict())
    for name, buffer in network.named_buffers():
        assert name in given or torch.equal(buffer, blank.get_buffer(name))
    assert not torch.equal(network.image_mean, torch.zeros_like(network.image_mean))
