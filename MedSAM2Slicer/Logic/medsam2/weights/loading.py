"""From a name or a file to a network that is ready to use."""

from dataclasses import replace
from pathlib import Path

import torch

from medsam2.errors import InputError
from medsam2.model.building import blank_network
from medsam2.model.freed_memory import keep_freed_memory
from medsam2.model.segmentation_network import SegmentationNetwork
from medsam2.model.shortcuts import take_shortcuts
from medsam2.shortcuts import EXACT, Shortcuts
from medsam2.weights.checkpoint import read_checkpoint
from medsam2.weights.choices import check_precision
from medsam2.weights.matching import require_match
from medsam2.weights.store import find_weights, locate


def load_model(
    name_or_path: str | Path = "starter",
    device: str = "auto",
    precision: str = "auto",
    shortcuts: Shortcuts = EXACT,
) -> SegmentationNetwork:
    """The network with its weights, in evaluation mode.

    Args:
        name_or_path: weights of the catalogue, imported ones, or a checkpoint file.
        device: ``"auto"`` (CUDA, then MPS, then CPU) or a device of torch such as ``"cuda:1"``.
        precision: ``"fp32"``, ``"bf16"`` or ``"auto"``: bf16 on a CUDA device that supports it, else fp32.
            The weights stay in fp32; bf16 sets the network's ``autocast_dtype``.
        shortcuts: what may be computed otherwise than exactly, as of ``medsam2.shortcuts.FAST``; in int8 only
            where the precision is ``"auto"``, in bf16 not where it is ``"fp32"``. A network with shortcuts is
            not for training.

    Raises:
        InputError: the weights are unknown, not installed, damaged or incomplete, or the device is
            not there.
    """
    chosen_device = choose_device(device)
    autocast_dtype = choose_autocast_dtype(precision, chosen_device)
    keep_freed_memory()
    weights = locate(name_or_path)
    checkpoint = read_checkpoint(weights.path, weights.preset)
    config = require_match(checkpoint, weights.name)
    network = blank_network(config)
    network.load_state_dict(checkpoint.tensors, assign=True)
    network.autocast_dtype = autocast_dtype
    network = network.to(chosen_device).eval()
    bf16, int8 = shortcuts.bf16 and precision != "fp32", shortcuts.int8 and precision == "auto"
    take_shortcuts(network, replace(shortcuts, bf16=bf16, int8=int8))
    return network


def load_chooser(network: SegmentationNetwork, precision: str = "auto") -> SegmentationNetwork | None:
    """The starter network, which chooses fields of view quickly in place of another; None beside itself.

    It takes no shortcuts: fast computing has the fields of view of exact computing.
    """
    if network.config.preset == "starter":
        return None
    return load_model("starter", str(network.device), precision)


def check_choices(name_or_path: str | Path, device: str = "auto", precision: str = "auto") -> None:
    """Refuse what ``load_model`` would refuse without reading the weights.

    Raises:
        InputError: the weights are unknown or not installed, or device or precision are not there.
    """
    choose_autocast_dtype(precision, choose_device(device))
    find_weights(name_or_path)


def choose_device(device: str) -> torch.device:
    """The torch device of that name; ``"auto"`` takes the fastest that is there.

    Raises:
        InputError: there is no such device on this computer.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        there = ", ".join(["cpu", *(name for name, is_there in found.items() if is_there)])
        raise InputError(f"There is no device '{device}' here; use auto, or one of {there}.") from error
    return chosen


def choose_autocast_dtype(precision: str, device: torch.device) -> torch.dtype | None:
    """bfloat16, or ``None`` for plain fp32.

    Raises:
        InputError: the precision is unknown, or the GPU cannot compute in bf16.
    """
    check_precision(precision)
    on_cuda = device.type == "cuda"
    supported = not on_cuda or torch.cuda.get_device_capability(device) >= (8, 0)  # older ones emulate it
    if precision == "bf16" and not supported:
        raise InputError("This GPU cannot compute in bf16; use precision 'fp32' or 'auto'.")
    return torch.bfloat16 if precision == "bf16" or (precision == "auto" and on_cuda and supported) else None
