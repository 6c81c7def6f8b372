"""From a configuration to a network, with random weights."""

from .config import NetworkConfig
from .network import MedSAM2
from .segmentation_config import SegmentationConfig
from .segmentation_network import SegmentationNetwork
from .slice_wise import SliceWiseNetwork
from .slice_wise_config import SliceWiseConfig


def build_network(config: SegmentationConfig) -> SegmentationNetwork:
    """The network of a configuration."""
    if isinstance(config, NetworkConfig):
        return MedSAM2(config)
    if isinstance(config, SliceWiseConfig):
        return SliceWiseNetwork(config)
    raise TypeError(f"no network is made of a {type(config).__name__}")
