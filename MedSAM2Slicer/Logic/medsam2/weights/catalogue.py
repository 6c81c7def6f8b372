"""The catalogue of weights that the project knows: ``Resources/models.json``, checked by its schema."""

import difflib
import functools
import json
from dataclasses import dataclass

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
        family: ``"sam2.0"`` or ``"sam2.1"``.
        preset: a preset of :func:`medsam2.model.config.network_config`.
        url: address of the file; ``None`` for the file that ships with the package.
        page: where a person finds it in a browser; ``None`` for the file that ships with the package.
        size_bytes: approximate size (the tensors alone).
        sha256: checksum of the file, ``None`` where its publisher gives none.
        licence: SPDX identifier, or ``"not stated"``.
        licence_note: what to know before downloading, contradictions of the publisher included.
        modality: kinds of image the weights were trained for.
        prompts: kinds of prompt they are good at.
        filename: name of the file in the store.
    """

    name: str
    title: str
    publisher: str
    family: str
    preset: str
    url: str | None
    page: str | None
    size_bytes: int
    sha256: str | None
    licence: str
    licence_note: str
    modality: tuple[str, ...]
    prompts: tuple[str, ...]
    filename: str

    @property
    def shipped(self) -> bool:
        """Whether the file comes with the package instead of being downloaded."""
        return self.url is None


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
