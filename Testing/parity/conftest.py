"""The two networks that parity tests compare: the official one and ours, with the same random weights."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from medsam2.model.building import blank_network
from medsam2.model.config import network_config
from medsam2.model.segmentation_network import SegmentationNetwork

PRESETS = {
    # Larger networks see smaller images, so that the tests stay short.
    "tiny": ("tiny", "sam2.1", 256),
    "small": ("small", "sam2.1", 256),
    "base_plus": ("base_plus", "sam2.1", 256),
    "large": ("large", "sam2.1", 128),
    "tiny_512": ("tiny_512", "sam2.1", 512),
    "tiny of SAM 2.0": ("tiny", "sam2.0", 256),
}
TOLERANCE = 1e-3
"""Largest absolute difference that parity allows, in logits and in features."""


@dataclass(frozen=True)
class Pair:
    """The official network, ours on the same tensors, and the side of their images."""

    reference: nn.Module
    network: SegmentationNetwork
    size: int

    def random_images(self, count: int, seed: int = 1) -> Tensor:
        """Smooth random grey images (count, 1, size, size)."""
        return random_images(count, self.size, seed)


def random_images(count: int, size: int, seed: int = 1) -> Tensor:
    """Smooth random grey images (count, 1, size, size) with values round 0.5."""
    coarse = torch.randn(count, 1, 16, 16, generator=torch.Generator().manual_seed(seed))
    return (0.5 + 0.25 * interpolate(coarse, size=(size, size), mode="bicubic")).clamp(0, 1)


def make_pair(preset: str, family: str, size: int) -> Pair:
    """Build both networks; skips the test where the reference is not installed."""
    reference = pytest.importorskip(
        "parity.reference", reason="needs the sam2 package: `make test` installs it"
    ).build_reference(preset, family, size)
    network = blank_network(replace(network_config(preset, family), image_size=size))
    # The same tensors, which so lie in memory once; what a test changes in the one it changes in both.
    network.load_state_dict(reference.state_dict(), assign=True)
    return Pair(reference, network.eval(), size)


@pytest.fixture(scope="session", params=PRESETS.values(), ids=PRESETS.keys())
def pair(request) -> Pair:
    """Both networks, for each preset in turn."""
    return make_pair(*request.param)


def largest_difference(ours: Tensor, theirs: Tensor) -> float:
    """Largest absolute difference of two tensors of the same shape."""
    assert ours.shape == theirs.shape
    return float((ours - theirs).abs().max())
