"""Bringing a file of weights into the store, once it proves to be what it is taken for."""

from pathlib import Path
from typing import TYPE_CHECKING

import pooch
from safetensors import SafetensorError

from medsam2.complete_file import complete_file
from medsam2.errors import InputError, note
from medsam2.weights.catalogue import CatalogueEntry, catalogue, entry_of_file
from medsam2.weights.store import (
    FILE_SUFFIXES,
    HOME_VARIABLE,
    SAFE_NAME,
    StoredWeights,
    find_stored,
    made_weights_folder,
    record_checksum,
    unproven_file,
)

if TYPE_CHECKING:
    from medsam2.weights.checkpoint import Checkpoint


def import_weights(
    path: str | Path, name: str, preset: str | None = None, family: str | None = None
) -> StoredWeights:
    """Copy a checkpoint file into the store, as safetensors in its own number format.

    Args:
        path: a checkpoint of any supported family.
        name: how to call it; a catalogue name brings in a file that was fetched by other means.
        preset, family: which network it holds, where neither file nor catalogue tells.

    Raises:
        SeveralFamiliesError: that is not known, and matters.
        InputError: the name is taken or unusable, or the file is no complete checkpoint.
    """
    from safetensors.torch import save_file  # torch keeps those waiting who only look weights up

    entry = _entry_to_import(name)
    path = Path(path)
    checkpoint = read_complete(path, entry, preset, family)
    target = made_weights_folder() / f"{name}.safetensors"
    metadata = {"family": checkpoint.family, "preset": checkpoint.preset}
    try:
        with complete_file(target) as unfinished:
            save_file(
                {key: tensor.contiguous() for key, tensor in checkpoint.tensors.items()}, unfinished, metadata
            )
            record_checksum(target, unfinished)
    except SafetensorError as error:
        raise InputError(
            f"'{target}' cannot be written ({error}); free space or set {HOME_VARIABLE}."
        ) from error
    if entry:
        _note_another_checksum(path, entry)
        if path.absolute() == unproven_file(entry).absolute():
            path.unlink()
    return StoredWeights(name, target, entry)


def _note_another_checksum(path: Path, entry: CatalogueEntry) -> None:
    """Say so where a publisher's file, fetched by hand, is not the one that the catalogue knows."""
    if entry.sha256 is None or path.suffix != Path(entry.filename).suffix:
        return
    checksum = pooch.file_hash(str(path))
    if checksum != entry.sha256:
        note(
            f"'{path.name}' is another file than the catalogue knows as '{entry.name}': its SHA-256 is "
            f"{checksum}, the catalogue's is {entry.sha256} (from {entry.checksum_from}); if you do not know "
            f"why, look at {entry.page} before you use it."
        )


def read_complete(
    path: Path, entry: CatalogueEntry | None, preset: str | None = None, family: str | None = None
) -> "Checkpoint":
    """Read a file that is to enter the store, in its own number format.

    Raises:
        InputError: it is no complete checkpoint, or not of the network that the catalogue's entry names.
    """
    from medsam2.weights.checkpoint import read_checkpoint, said_network
    from medsam2.weights.matching import require_match

    said = bool(preset or family)
    if entry and not said:
        preset, family = entry.preset, entry.family
    checkpoint = read_checkpoint(path, preset, dtype=None, family=family)
    require_match(checkpoint, path.name)
    # Networks with the same tensors prepare images differently: what the file says of itself counts too.
    holds = {"family": checkpoint.family, "preset": checkpoint.preset}
    if not said:
        holds |= said_network(checkpoint.metadata)
    if entry and holds != {"family": entry.family, "preset": entry.preset}:
        raise InputError(
            f"'{path.name}' holds the network {' '.join(holds.values())}, but '{entry.name}' is "
            f"{entry.family} {entry.preset}; choose another name or file."
        )
    other = entry_of_file(path.name)
    if entry and other and not said and other.preset != entry.preset:
        raise InputError(
            f"'{path.name}' is called as the file of '{other.name}', not of '{entry.name}'; choose that "
            "name, or rename the file if you know that it is the other."
        )
    return checkpoint


def _entry_to_import(name: str) -> CatalogueEntry | None:
    """The catalogue's entry for a name that is free to take, if the catalogue knows it."""
    if not SAFE_NAME.fullmatch(name) or name.endswith(FILE_SUFFIXES):
        raise InputError(
            f"'{name[:100]}' cannot be a name of weights; use at most 100 letters, digits, '-', '_' and '.'."
        )
    entry = next((entry for entry in catalogue() if entry.name == name), None)
    if entry:
        entry.require_usable()
    if entry and entry.shipped:
        raise InputError(f"'{name}' is the name of the weights that ship with the package; choose another.")
    if find_stored(name):
        raise InputError(f"There are weights '{name}' already; choose another name, or remove them first.")
    return entry
