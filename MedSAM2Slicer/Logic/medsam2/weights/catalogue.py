"""The catalogue of weights that the project knows: ``Resources/models.json``, checked by its schema."""

import difflib
import functools
import json
from dataclasses import dataclass
from pathlib import Path

import jsonschema

from medsam2.errors import InputError
from medsam2.resource_files import resource_path


@dataclass(frozen=True)
class CatalogueEntry:
    """One known file of weights.

    Attributes:
        name: what people type.
        title: one line about where the weights come from.
        publisher: who made them, and so whose licence it is.
        family, preset: of :func:`medsam2.model.config.network_config`.
        shipped: whether the file comes with the package instead of being downloaded.
        url: address of the file; ``None`` where people fetch it from the page, and for the shipped file.
        page: where a person finds it in a browser; ``None`` for the file that ships with the package.
        size_bytes: of the file.
        size_is_exact: whether that is known to the byte.
        sha256: checksum of the file, ``None`` where none is known.
        checksum_from: where the checksum was read; no publisher prints any.
        licence: SPDX identifier, or ``"not stated"``.
        licence_note: what to know before downloading, contradictions of the publisher included.
        modality: kinds of image the weights were trained for.
        prompts: kinds of prompt they are good at.
        filename: name of the file, at its publisher and in the store.
        why_not: why the weights cannot be used, and what to take instead; ``None`` where they can.
    """

    name: str
    title: str
    publisher: str
    family: str
    preset: str
    shipped: bool
    url: str | None
    page: str | None
    size_bytes: int
    size_is_exact: bool
    sha256: str | None
    checksum_from: str | None
    licence: str
    licence_note: str
    modality: tuple[str, ...]
    prompts: tuple[str, ...]
    filename: str
    why_not: str | None = None

    def require_usable(self) -> None:
        """Refuse weights that cannot be used.

        Raises:
            InputError: why not.
        """
        if self.why_not:
            raise InputError(self.why_not)

    @property
    def by_hand(self) -> str:
        """How to get the file without a download: part of a sentence."""
        return (
            f"fetch {self.filename} from {self.page} on any computer, and bring it in, with 'Import file' in "
            f"Slicer's module MedSAM2 or 'medsam2 weights import {self.filename} --name {self.name}'"
        )


@functools.cache
def _read_catalogue() -> tuple[CatalogueEntry, ...]:
    document = json.loads(resource_path("models.json").read_text(encoding="utf-8"))
    schema = json.loads(resource_path("models.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    return tuple(
        CatalogueEntry(**{**model, "modality": tuple(model["modality"]), "prompts": tuple(model["prompts"])})
        for model in document["models"]
    )


def catalogue() -> list[CatalogueEntry]:
    """All known weights, in the order in which they are listed to people.

    Raises:
        jsonschema.ValidationError: the shipped file breaks its own schema (a packaging fault).
    """
    return list(_read_catalogue())


def find_entry(name: str) -> CatalogueEntry:
    """The entry of that name.

    Raises:
        InputError: there is none; the message lists the nearest names.
    """
    entries = {entry.name: entry for entry in catalogue()}
    if name not in entries:
        near = difflib.get_close_matches(name.lower(), entries, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise InputError(f"There are no weights called '{name}': {hint}see 'medsam2 weights list' for all.")
    return entries[name]


def entry_of_file(filename: str) -> CatalogueEntry | None:
    """The entry whose publisher calls its file so, whatever a browser or a person added to it."""
    begun = [entry for entry in catalogue() if filename.lower().startswith(Path(entry.filename).stem.lower())]
    return max(begun, key=lambda entry: len(entry.filename), default=None)
