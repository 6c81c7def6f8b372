"""An image encoder that is stopped between two layers, and is as good as before afterwards."""

import pytest
import torch

from medsam2.backend.interruption import Interrupted, Interruption
from medsam2.tracking.inference import inference


@pytest.fixture
def image(network) -> torch.Tensor:
    size = network.config.image_size
    return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))


def encoded(network, image) -> torch.Tensor:
    with inference(network):
        return network.encode_image(image).s16


def test_without_a_request_the_image_is_encoded_as_ever(network, image):
    with Interruption().watching(network):
        watched = encoded(network, image)
    torch.testing.assert_close(watched, encoded(network, image), rtol=0, atol=0)


def test_a_request_stops_before_the_next_layer(network, image):
    expected = encoded(network, image)
    interruption = Interruption()
    blocks = network.image_encoder.trunk.blocks
    middle, last = blocks[len(blocks) // 2], blocks[-1]
    ran = []
    hooks = [
        middle.register_forward_hook(lambda *_: interruption.request()),
        last.register_forward_hook(lambda *_: ran.append("last")),
    ]
    try:
        with pytest.raises(Interrupted), interruption.watching(network):
            encoded(network, image)
    finally:
        for hook in hooks:
            hook.remove()
    assert not ran
    torch.testing.assert_close(encoded(network, image), expected, rtol=0, atol=0)


def test_outside_nothing_is_stopped(network, image):
    interruption = Interruption()
    interruption.request()
    with pytest.raises(Interrupted), interruption.watching(network):
        encoded(network, image)
    encoded(network, image)
    assert not any(layer._forward_pre_hooks for layer in network.image_encoder.modules())


def test_a_request_lasts_until_it_is_cleared(network, image):
    interruption = Interruption()
    interruption.request()
    for _ in range(2):
        with pytest.raises(Interrupted), interruption.watching(network):
            encoded(network, image)
    interruption.clear()
    with interruption.watching(network):
        encoded(network, image)
