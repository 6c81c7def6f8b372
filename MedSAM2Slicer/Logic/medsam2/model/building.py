"""From a configuration to a network, with random weights."""

from .config import NetworkConfig, SegmentationConfig
from .network import MedSAM2
from .segmentation_network import SegmentationNetwork


def build_network(config: SegmentationConfig) -> SegmentationNetwork:
    """The network of a configuration."""
    if isinstance(config, NetworkConfig):
        return MedSAM2(config)
    raise TypeError(f"no network is made of a {type(config).__name__}")
