"""From a configuration to a network: with random weights, or before it is given some."""

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from .config import NetworkConfig
from .network import MedSAM2
from .segmentation_config import SegmentationConfig
from .segmentation_network import SegmentationNetwork
from .slice_wise import SliceWiseNetwork
from .slice_wise_config import SliceWiseConfig


def build_network(config: SegmentationConfig) -> SegmentationNetwork:
    """The network of a configuration, with random weights."""
    if isinstance(config, NetworkConfig):
        return MedSAM2(config)
    if isinstance(config, SliceWiseConfig):
        return SliceWiseNetwork(config)
    raise TypeError(f"no network is made of a {type(config).__name__}")


def blank_network(config: SegmentationConfig) -> SegmentationNetwork:
    """The network of a configuration, to be given all its weights: until then they are whatever memory held.

    Their memory is not touched, so that even a large network takes milliseconds. On the device ``meta`` a
    random number would make torch import its compiler, for a second.
    """
    with WithoutRandomNumbers():
        return build_network(config)


class WithoutRandomNumbers(TorchFunctionMode):
    """Leaves tensors as they are where ``torch.nn`` fills them for a training to start from."""

    def __torch_function__(
        self, function: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(function, "__module__", "") == "torch.nn.init":
            return kwargs["tensor"]
        if function in (torch.Tensor.normal_, torch.Tensor.uniform_):
            return args[0]
        return (torch.empty if function is torch.randn else function)(*args, **kwargs)
