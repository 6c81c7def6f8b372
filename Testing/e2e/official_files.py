"""Random weights in the containers, and by the names, of the official files."""

import re
from collections.abc import Callable
from mmap import MAP_SHARED
from pathlib import Path

import torch
from torch import Tensor

from medsam2.model.building import build_network
from medsam2.model.config import network_config
from parity.seeded_weights import seeded_tensor

LEFT_EMPTY = re.compile(r"image_encoder\.blocks\.")
"""The blocks of SAM's large encoder stay a hole in the file, all zeros: they hand on what they get."""


def in_model(tensors: dict[str, Tensor]) -> dict:
    return {"model": tensors}


def beside_its_optimiser(tensors: dict[str, Tensor]) -> dict:
    """What SAM-Med2D's training saves."""
    parameter = torch.nn.Parameter(torch.zeros(5))
    optimiser = torch.optim.Adam([parameter])
    parameter.grad = torch.ones(5)
    optimiser.step()
    return {"model": tensors, "optimizer": optimiser}


OFFICIAL_FILES: dict[str, tuple[str, Callable[[dict[str, Tensor]], dict]]] = {
    "efficienttam_ti_512": ("efficienttam_ti_512x512.pt", in_model),
    "mobile_sam": ("mobile_sam.pt", dict),
    "lite_medsam": ("lite_medsam.pth", dict),
    "sam_vit_b": ("sam_vit_b_01ec64.pth", dict),
    "medsam": ("medsam_vit_b.pth", dict),
    "sam_med2d": ("sam-med2d_b.pth", beside_its_optimiser),
}
"""The name of each preset's file, and what is in it beside the tensors."""


def write_official_file(folder: Path, preset: str) -> Path:
    """A file of the size of the official one; numbers that are left empty take no space."""
    name, wrap = OFFICIAL_FILES[preset]
    path = folder / name
    with torch.device("meta"):
        state = build_network(network_config(preset)).state_dict()
    tensors = {name: torch.empty(tensor.shape, dtype=tensor.dtype) for name, tensor in state.items()}
    with torch.serialization.skip_data():
        torch.save(wrap(tensors), path)
    with torch.serialization.set_default_mmap_options(MAP_SHARED):
        loaded = torch.load(path, mmap=True, weights_only=False)
    for name, tensor in loaded.get("model", loaded).items():
        if tensor.is_floating_point() and not LEFT_EMPTY.match(name):
            tensor.copy_(seeded_tensor(name, tensor.shape))
    return path
