"""How much each network computes for a slice: ``Resources/network_work.json``, counted from the networks.

Counted on fake tensors, which have shapes only: nothing is computed and no memory is taken.
"""

import json
from collections.abc import Sequence
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses import FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from medsam2.model import attention, products
from medsam2.model.building import build_network
from medsam2.model.config import PRESETS, NetworkConfig
from medsam2.model.segmentation_config import SegmentationConfig
from medsam2.model.segmentation_network import MemorySelection, SegmentationNetwork
from medsam2.weights.speed import WORK_FILE, Work

EMPTY = {"empty", "new_empty", "empty_like"}
"""Operators that take memory, but neither read nor write it."""


class _Counter(TorchDispatchMode):
    """Counts what the operators of a computation do."""

    def __init__(self) -> None:
        super().__init__()
        self.products = self.attention = self.bytes = self.calls = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        packet = func.overloadpacket
        if packet in flop_registry:
            self.products += flop_registry[packet](*args, **(kwargs or {}), out_val=out)
            self.calls += 1
        elif func.namespace == "aten" and not func.is_view and packet.__name__ not in EMPTY:
            self.bytes += sum(each.numel() * each.element_size() for each in _tensors((args, out)))
            self.calls += 1
        return out


class _Attention(TorchFunctionMode):
    """Counts scaled dot product attention as the one computation that it is on every device."""

    def __init__(self, counter: _Counter):
        super().__init__()
        self._counter = counter

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is not F.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        query, key, value = args[:3]
        pairs = query.shape[:-1].numel() * key.shape[-2]
        self._counter.attention += 2 * pairs * (query.shape[-1] + value.shape[-1])
        self._counter.calls += 1
        return query.new_empty(*query.shape[:-1], value.shape[-1])


def _tensors(found: Any) -> list[Tensor]:
    if isinstance(found, Tensor):
        return [found]
    return [each for item in found for each in _tensors(item)] if isinstance(found, (tuple, list)) else []


def work_table(presets: Sequence[str] = tuple(PRESETS)) -> dict[str, Work]:
    """What the network of each preset computes for a slice; for a process that computes nothing else.

    Networks keep tensors that all images share: those that are made here are fake ones.
    """
    as_one: dict[str, Any] = dict.fromkeys(("_all_heads", "_head_by_head"), F.scaled_dot_product_attention)
    in_usual_way = mock.patch.object(products, "times_as_quick", return_value=1.0)
    with mock.patch.multiple(attention, **as_one), in_usual_way, FakeTensorMode(), torch.no_grad():
        return {name: _work_of(PRESETS[name]) for name in presets}


def _work_of(config: SegmentationConfig) -> Work:
    network = build_network(config).eval()
    _slice(network)  # what all images share is made by the first
    counter = _Counter()
    with _Attention(counter), counter:
        _slice(network)
    return Work(counter.products, counter.attention, counter.bytes, counter.calls)


def _slice(network: SegmentationNetwork) -> None:
    config = network.config
    if isinstance(config, NetworkConfig):
        _tracked_slice(network, config)
    else:
        _prompted_slice(network, config)


def _tracked_slice(network: SegmentationNetwork, config: NetworkConfig) -> None:
    """A slice that is reached with a full memory."""
    size = config.image_size
    features = network.encode_image(torch.empty(1, 1, size, size))
    memories = torch.empty(1, config.memory_frames, config.memory_dim, *features.s16.shape[-2:])
    pointers = torch.empty(1, config.pointer_frames, config.model_dim)
    distances = [float(index) for index in range(config.pointer_frames)]
    selection = MemorySelection(memories, list(range(config.memory_frames)), pointers, distances)
    answer = network.decode(features, network.condition(features.s16, selection))
    mask = F.interpolate(answer.logits, size=(size, size), mode="bilinear")
    network.encode_memory(features.s16, mask.sigmoid(), answer.object_score)


def _prompted_slice(network: SegmentationNetwork, config: SegmentationConfig) -> None:
    """A slice that is prompted with the mask of the one before."""
    size = config.image_size
    features = network.encode_image(torch.empty(1, 1, size, size))
    before = torch.empty(1, 1, config.logit_size, config.logit_size)
    network.decode(features, network.condition(features.s16, None), mask_logits=before, ambiguous=False)


def write_table() -> None:
    """Count all presets and write the file."""
    rows = ",\n ".join(f'"{name}": {json.dumps(vars(work))}' for name, work in work_table().items())
    WORK_FILE.write_text(f"{{\n {rows}\n}}\n", "utf-8")
