"""Read the tensors of a checkpoint of any supported family.

SAM 2, EfficientTAM and MedSAM2 publish ``{"model": tensors}``, MedSAM-2 the same in bfloat16, SAM-Med2D the
same beside an optimiser; SAM, MedSAM, MobileSAM and LiteMedSAM the tensors alone; our own files and
conversions are safetensors. All use the official tensor names, by which the network is
recognised, or those of the package ``transformers``.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch
from torch import Tensor

from medsam2.errors import InputError
from medsam2.model.config import FAMILIES, PRESETS
from medsam2.volume.files.utf8_names import name_to_read
from medsam2.weights.other_files import refuse_other_files
from medsam2.weights.recognition import recognise
from medsam2.weights.torch_archive import open_archive
from medsam2.weights.transformers_names import official_names

WRAPPERS = ("model", "state_dict")
READABLE_DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
COUNTER = ".num_batches_tracked"
"""How the name of a batch norm's count of training steps ends, the only whole number in a checkpoint."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes:
        tensors: official name to tensor, on the CPU.
        family, preset: of :func:`medsam2.model.config.network_config`.
        stored_dtype: number format in the file, such as ``"bfloat16"``.
        metadata: the text entries of a safetensors header; empty for other files.
    """

    tensors: dict[str, Tensor]
    family: str
    preset: str
    stored_dtype: str
    metadata: dict[str, str]


def read_checkpoint(
    path: Path | str,
    preset: str | None = None,
    dtype: torch.dtype | None = torch.float32,
    family: str | None = None,
) -> Checkpoint:
    """Read a ``.safetensors``, ``.pt`` or ``.pth`` file without running any code in it.

    Where the tensors fit several networks, it is the one that the arguments say, else the file's metadata,
    else its official name (``recognise``).

    Args:
        path: the file.
        preset, family: what the file is known to hold.
        dtype: the number format to return; ``None`` keeps the file's own.

    Raises:
        InputError: the file is missing, damaged, holds objects other than tensors, or no known network.
    """
    path = Path(path)
    if not os.path.isfile(path):  # unlike Path.is_file, no error for a name too long for a file
        raise InputError(f"There is no checkpoint file '{path}'; check the path.")
    refuse_other_files(path)
    with name_to_read(path) as name:
        read = _read_safetensors if path.suffix == ".safetensors" else _read_torch
        loaded, metadata = read(path, name)
    tensors = official_names(_only_tensors(loaded, path))
    known = {"preset": preset, "family": family} if preset or family else said_network(metadata)
    family, preset = recognise(tensors, path.name, known.get("preset"), known.get("family"))
    stored = ", ".join(
        sorted(
            {str(each.dtype).removeprefix("torch.") for each in tensors.values() if each.is_floating_point()}
        )
    )
    if dtype:
        tensors = {
            name: tensor.to(dtype) if tensor.is_floating_point() else tensor
            for name, tensor in tensors.items()
        }
    return Checkpoint(tensors, family, preset, stored, metadata)


def said_network(metadata: dict[str, str]) -> dict[str, str]:
    """The family and the preset that a file says it holds, where the words are not another project's."""
    known = (("family", FAMILIES), ("preset", PRESETS))
    return {key: metadata[key] for key, words in known if metadata.get(key) in words}


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
    """The innermost table, its numbers mapped into memory rather than copied."""
    try:
        archive = open_archive(path)
        table = _unwrap(archive.table)
        return archive.tensors(table) if isinstance(table, dict) else table, {}
    except OSError as error:
        raise InputError(f"'{path.name}' cannot be read ({error.strerror}); check the file.") from error


def _unwrap(loaded: Any) -> Any:
    """The table inside its wrappers, which publishers nest once or not at all."""
    for _ in WRAPPERS:
        if isinstance(loaded, dict):
            inner = (loaded.get(key) for key in WRAPPERS)
            loaded = next((table for table in inner if isinstance(table, dict)), loaded)
    return loaded


def _only_tensors(loaded: Any, path: Path) -> dict[str, Tensor]:
    """The tensors by their official names, without the prefix that data-parallel training adds."""
    entries = loaded.items() if isinstance(loaded, dict) else ((None, None),)
    table = {name: tensor for name, tensor in entries if isinstance(name, str) and isinstance(tensor, Tensor)}
    if len(table) < len(entries):
        raise InputError(
            f"'{path.name}' holds no plain table of tensors; give a checkpoint of a known network."
        )
    foreign = {
        str(tensor.dtype)
        for name, tensor in table.items()
        if tensor.dtype not in READABLE_DTYPES
        and not (name.endswith(COUNTER) and tensor.dtype == torch.int64)
    }
    if foreign:
        raise InputError(
            f"'{path.name}' holds {', '.join(sorted(foreign))} numbers; give a file in fp32, fp16 or bf16."
        )
    if sum(tensor.numel() * tensor.element_size() for tensor in table.values()) > path.stat().st_size:
        raise InputError(
            f"'{path.name}' has larger tensors than the file has numbers for; copy or download it again."
        )
    return {name.removeprefix("module."): tensor for name, tensor in table.items()}
