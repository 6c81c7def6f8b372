"""What ``medsam2 weights list`` shows: a row for each of the weights that are known or installed."""

import shutil
import textwrap
from itertools import groupby
from operator import itemgetter
from typing import Any

import typer

from medsam2.cli.wording import megabytes
from medsam2.errors import InputError
from medsam2.weights.catalogue import CatalogueEntry, catalogue
from medsam2.weights.store import StoredWeights, disk_use, installed, weights_folder

RECOMMENDATION = (
    "Which one? Without a graphics card (GPU): starter, by far the quickest. With one: "
    "medsam2-latest for boxes on medical images, if its licence suits you; sam2.1-large for clicks, which "
    "has seen photographs only. Try each on a scan of yours before you choose."
)


def weights_rows() -> list[dict[str, Any]]:
    """A row for each of the weights, those of the catalogue first, then imported ones."""
    stored = {weights.name: weights for weights in installed()}
    known = [describe(entry, stored.pop(entry.name, None)) for entry in catalogue()]
    return [*known, *(describe(None, weights) for weights in stored.values())]


def echo_list(rows: list[dict[str, Any]]) -> None:
    """Rows under their publisher and licence, no line wider than the terminal."""
    width = shutil.get_terminal_size().columns
    longest = max(len(row["name"]) for row in rows)
    for (publisher, licence, note), group in groupby(
        rows, itemgetter("publisher", "licence", "licence_note")
    ):
        typer.echo(_filled(f"{publisher}, licence {licence}: {note}", width))
        for row in group:
            here = "installed" if row["installed"] else _without_download(row)
            good_at = f"{', '.join(row['modality'])}: {', '.join(row['prompts'])}" if row["modality"] else ""
            line = f"  {row['name']:{longest}} {megabytes(row['size_bytes']):>7} {here:9} {good_at}"
            typer.echo(textwrap.fill(line.rstrip(), width, subsequent_indent=" " * (longest + 21)))
        typer.echo()
    typer.echo(_filled(RECOMMENDATION, width))
    typer.echo(_filled(f"{megabytes(disk_use())} used in {weights_folder()}", width))


def _without_download(row: dict[str, Any]) -> str:
    """Why weights that are not here cannot simply be downloaded, in a word."""
    if row["why_not"]:
        return "unusable"
    return "" if row["url"] else "by hand"


def _filled(text: str, width: int) -> str:
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def describe(entry: CatalogueEntry | None, stored: StoredWeights | None) -> dict[str, Any]:
    """One row of the list, from the catalogue where it knows the weights, else from the imported file."""
    row: dict[str, Any] = {"installed": stored is not None, "path": str(stored.path) if stored else None}
    row |= {"shipped": bool(entry and entry.shipped), "url": entry.url if entry else None}
    if entry:
        row |= {
            "name": entry.name,
            "title": entry.title,
            "publisher": entry.publisher,
            "page": entry.page,
            "family": entry.family,
            "preset": entry.preset,
            "size_bytes": entry.size_bytes,
            "size_is_exact": entry.size_is_exact,
            "sha256": entry.sha256,
            "checksum_from": entry.checksum_from,
            "filename": entry.filename,
            "why_not": entry.why_not,
            "licence": entry.licence,
            "licence_note": entry.licence_note,
            "modality": entry.modality,
            "prompts": entry.prompts,
        }
    elif stored:
        family, preset = _network(stored)
        row |= {
            "name": stored.name,
            "title": "Imported by you",
            "publisher": "Imported by you",
            "page": None,
            "family": family,
            "preset": preset,
            "size_is_exact": True,
            "sha256": None,
            "checksum_from": None,
            "filename": stored.path.name,
            "why_not": None,
            "licence": "not known here",
            "licence_note": "It is that of the file, and of the weights that it was made from.",
            "modality": (),
            "prompts": (),
        }
    if stored:
        row["size_bytes"] = stored.size_bytes
    return row


def _network(stored: StoredWeights) -> tuple[str, str]:
    """Family and preset; a file that was damaged since must not hide the others."""
    from medsam2.weights.checkpoint import read_checkpoint  # torch keeps those waiting who only look

    try:
        checkpoint = read_checkpoint(stored.path, dtype=None)
    except InputError:
        return "damaged", "damaged"
    return checkpoint.family, checkpoint.preset
