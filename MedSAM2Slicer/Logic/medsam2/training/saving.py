"""Writing states and weights so that a full disk leaves the file before it intact."""

import io
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from medsam2.complete_file import complete_file
from medsam2.model.network import MedSAM2

# Both libraries report a full disk in words of their own when they write a file themselves. So the bytes
# are made in memory, and complete_file sees the system's error.


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values for ``torch.load(path, weights_only=True)``.

    Raises:
        InputError: the disk is full, or the folder is missing or closed to writing.
    """
    content = io.BytesIO()
    torch.save(state, content)
    with complete_file(path) as unfinished:
        unfinished.write_bytes(content.getbuffer())


def write_weights(path: Path, network: MedSAM2, steps: int) -> None:
    """Write a network's weights as fp16 safetensors that ``load_model`` reads.

    Raises:
        InputError: the disk is full, or the folder is missing or closed to writing.
    """
    tensors: dict[str, Tensor] = {
        name: value.detach().half().cpu().contiguous() for name, value in network.state_dict().items()
    }
    config = network.config
    metadata = {"preset": config.preset, "family": config.family, "steps": str(steps)}
    with complete_file(path) as unfinished:
        unfinished.write_bytes(safetensors.torch.save(tensors, metadata))
