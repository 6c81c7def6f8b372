"""An image encoder that is stopped between two blocks, and is as good as before afterwards."""

import numpy as np
import pytest
import torch

from medsam2.backend.interruption import Interrupted, Interruption
from medsam2.prompt import Prompt
from medsam2.tracking import FieldOfView, Tracker
from medsam2.tracking.feature_cache import AT_ONCE
from medsam2.tracking.slice_network import inference
from medsam2.volume import Geometry, Volume, VolumeSlices

pytestmark = pytest.mark.network


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


def test_a_request_stops_before_the_next_block(network, image):
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


def test_tracking_that_was_interrupted_in_a_slice_can_be_done_again(network):
    voxels = np.random.default_rng(0).integers(0, 100, (3 * AT_ONCE, 32, 32)).astype(np.int16)
    slices = VolumeSlices(Volume(voxels, Geometry(voxels.shape, np.eye(4)), "MR"))

    def a_tracker() -> Tracker:
        tracker = Tracker(network, slices, field_of_view="slice", absent_stop=None)
        tracker.prompt("a", Prompt(0, points=((16.0, 16.0, True),)))
        return tracker

    expected = [mask.logits for mask in a_tracker().propagate()]
    tracker, interruption = a_tracker(), Interruption()
    masks, whole, done = tracker.propagate(), FieldOfView.whole(slices.grid(0)), 0
    while done < AT_ONCE or (done, whole) in tracker.features:
        assert next(masks).slice_index == done
        done += 1
    interruption.request()
    with pytest.raises(Interrupted), interruption.watching(network):
        next(masks)
    assert set(tracker.objects["a"].entries) == {*range(done)}
    again = [mask.logits for mask in tracker.propagate()]
    np.testing.assert_array_equal(again, expected)
