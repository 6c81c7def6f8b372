"""Read the tensors of a checkpoint of any supported family, and recognise the network they belong to.

SAM 2, SAM 2.1 and MedSAM2 publish ``{"model": tensors}``; MedSAM-2 the same in bfloat16; our own files
and conversions are safetensors. All use the official tensor names, so the family and the size follow from
names and shapes. One thing does not: the tensors of ``tiny`` and ``tiny_512`` are alike, see
:func:`read_checkpoint`.
"""

import os
import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch
from torch import Tensor

from medsam2.errors import InputError
from medsam2.model.config import PRESETS
from medsam2.volume.files.utf8_names import name_to_read
from medsam2.weights.torch_archive import check_archive, damaged, holds_objects

WRAPPERS = ("model", "state_dict")
READABLE_DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
PATCH_EMBEDDING = "image_encoder.trunk.patch_embed.proj.weight"
BLOCK = re.compile(r"image_encoder\.trunk\.blocks\.(\d+)\.")


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes:
        tensors: official name to tensor, on the CPU.
        family: ``"sam2.0"`` or ``"sam2.1"``.
        preset: a preset of :func:`medsam2.model.config.network_config`.
        stored_dtype: number format in the file, such as ``"bfloat16"``.
        metadata: the text entries of a safetensors header; empty for other files.
    """

    tensors: dict[str, Tensor]
    family: str
    preset: str
    stored_dtype: str
    metadata: dict[str, str]


def read_checkpoint(
    path: Path | str, preset: str | None = None, dtype: torch.dtype | None = torch.float32
) -> Checkpoint:
    """Read a ``.safetensors``, ``.pt`` or ``.pth`` file without running any code in it.

    The network for 512-pixel images has the same tensors as ``tiny``. Which of the two a file is for is
    taken from the ``preset`` argument, else from the file's own metadata, else from its name: SAM 2.1
    files whose name starts with ``MedSAM2_`` are ``tiny_512``, all others ``tiny``.

    Args:
        path: the file.
        preset: which preset the file is known to hold.
        dtype: the number format to return; ``None`` keeps the file's own.

    Raises:
        InputError: the file is missing, damaged, holds objects other than tensors, or no known network.
    """
    path = Path(path)
    if not os.path.isfile(path):  # unlike Path.is_file, no error for a name too long for a file
        raise InputError(f"There is no checkpoint file '{path}'; check the path.")
    with name_to_read(path) as name:
        read = _read_safetensors if path.suffix == ".safetensors" else _read_torch
        loaded, metadata = read(path, name)
    tensors = _only_tensors(_unwrap(loaded), path)
    family = "sam2.1" if "no_obj_embed_spatial" in tensors else "sam2.0"
    chosen = _choose_preset(_fitting_presets(tensors, path), family, preset or metadata.get("preset"), path)
    stored = ", ".join(sorted({str(tensor.dtype).removeprefix("torch.") for tensor in tensors.values()}))
    tensors = {name: tensor.to(dtype) for name, tensor in tensors.items()} if dtype else tensors
    return Checkpoint(tensors, family, chosen, stored, metadata)


def _read_safetensors(path: Path, name: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safetensors.safe_open(name, framework="pt", device="cpu") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
            return tensors, dict(file.metadata() or {})
    except (safetensors.SafetensorError, OSError) as error:
        raise InputError(
            f"'{path.name}' is incomplete, damaged or no safetensors file; copy or download it again."
        ) from error


def _read_torch(path: Path, name: str) -> tuple[Any, dict[str, str]]:
    """Unpickle tensors only; files in torch's current (zip) format are mapped, not copied, into memory."""
    try:
        is_zip = check_archive(path)
    except OSError as error:
        raise InputError(f"'{path.name}' cannot be read ({error.strerror}); check the file.") from error
    try:
        return torch.load(name, map_location="cpu", weights_only=True, mmap=is_zip), {}
    except Exception as error:  # any exception at all may come out of an unpickler fed with foreign bytes
        is_more = isinstance(error, pickle.UnpicklingError)
        raise (holds_objects if is_more else damaged)(path) from error


def _unwrap(loaded: Any) -> Any:
    """The table inside its wrappers, which publishers nest once or not at all."""
    for _ in WRAPPERS:
        if isinstance(loaded, dict):
            inner = (dict.get(loaded, key) for key in WRAPPERS)
            loaded = next((table for table in inner if isinstance(table, dict)), loaded)
    return loaded


def _only_tensors(loaded: Any, path: Path) -> dict[str, Tensor]:
    """The tensors by their official names, without the prefix that data-parallel training adds."""
    # A table from a file may have attributes in place of its methods.
    entries = dict.items(loaded) if isinstance(loaded, dict) else ((None, None),)
    table = {name: tensor for name, tensor in entries if isinstance(name, str) and isinstance(tensor, Tensor)}
    if len(table) < len(entries):
        raise InputError(
            f"'{path.name}' holds no plain table of tensors; give a checkpoint of a SAM 2 network."
        )
    foreign = {str(tensor.dtype) for tensor in table.values() if tensor.dtype not in READABLE_DTYPES}
    if foreign:
        raise InputError(
            f"'{path.name}' holds {', '.join(sorted(foreign))} numbers; give a file in fp32, fp16 or bf16."
        )
    if sum(tensor.numel() * tensor.element_size() for tensor in table.values()) > path.stat().st_size:
        raise InputError(
            f"'{path.name}' has larger tensors than the file has numbers for; copy or download it again."
        )
    return {name.removeprefix("module."): tensor for name, tensor in table.items()}


def _fitting_presets(tensors: dict[str, Tensor], path: Path) -> list[str]:
    """The presets whose image encoder has the file's first width and number of blocks."""
    patches = tensors.get(PATCH_EMBEDDING)
    if patches is None or patches.ndim != 4:
        raise InputError(
            f"'{path.name}' is no SAM 2 network with a Hiera image encoder; "
            "Slicer's module MedSAM2 and 'medsam2 weights list' show files that work."
        )
    width = patches.shape[0]
    blocks = len({match[1] for match in map(BLOCK.match, tensors) if match})
    fitting = [
        name for name, config in PRESETS.items() if (config.embed_dim, sum(config.stages)) == (width, blocks)
    ]
    if not fitting:
        raise InputError(
            f"'{path.name}' has an image encoder of width {width} with {blocks} blocks, which is no known "
            "size; it may be incomplete, so copy or download it again."
        )
    return fitting


def _choose_preset(fitting: list[str], family: str, wanted: str | None, path: Path) -> str:
    if wanted is None:
        medsam2 = family == "sam2.1" and path.name.lower().startswith("medsam2_")
        return "tiny_512" if medsam2 and "tiny_512" in fitting else fitting[0]
    if wanted not in fitting:
        raise InputError(f"'{path.name}' holds the network {' or '.join(fitting)}, not {wanted}.")
    return wanted
