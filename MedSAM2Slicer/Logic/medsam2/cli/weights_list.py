"""What ``medsam2 weights list`` shows: a row for each of the weights that are known or installed."""

import math
import shutil
import textwrap
from dataclasses import asdict
from itertools import groupby
from operator import itemgetter
from typing import Any

import typer

from medsam2.cli.wording import megabytes
from medsam2.weights.catalogue import CatalogueEntry, catalogue
from medsam2.weights.speed import QUICK_SECONDS, SCAN_SLICES, SLOW_SECONDS, Pace, pace, speed
from medsam2.weights.store import StoredWeights, disk_use, installed, noted_network, weights_folder

TITLES = {
    Pace.QUICK: f"Quick here (up to {QUICK_SECONDS:g} s a slice)",
    Pace.SLOW: f"Slow here (up to {SLOW_SECONDS:g} s a slice)",
    Pace.TOO_SLOW: "Needs a graphics card",
    None: "How quick is not known",
}
BUSY = (
    "Other programs kept the processor busy meanwhile: the seconds below may be several times too long. "
    "Next time they are measured anew."
)


def weights_rows(device: str = "auto") -> list[dict[str, Any]]:
    """A row for each of the weights, the quickest on this computer first.

    Raises:
        InputError: the device is not there.
    """
    here = speed(device, lambda: typer.echo("Measuring once how quick this computer is…", err=True))
    if not here.is_at_rest:
        typer.echo(BUSY, err=True)
    stored = {weights.name: weights for weights in installed()}
    rows = [describe(entry, stored.pop(entry.name, None)) for entry in catalogue()]
    rows += [describe(None, weights) for weights in stored.values()]
    for row in rows:
        seconds = here.seconds_per_slice(row["preset"])
        row["seconds_per_slice"] = seconds
        row["pace"] = None if seconds is None else pace(seconds).value
    for row in rows:
        quicker = quicker_row(row, rows)
        row["quicker"] = quicker["name"] if quicker else None
    return sorted(rows, key=lambda row: (row["seconds_per_slice"] is None, row["seconds_per_slice"] or 0))


def quicker_row(row: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """In place of slow weights: the most capable quick ones for such images, else the quickest of all."""
    if row["pace"] in (None, Pace.QUICK.value):
        return None
    quicker = [each for each in rows if (each["seconds_per_slice"] or math.inf) < row["seconds_per_slice"]]
    alike = [
        each for each in quicker if each["pace"] == Pace.QUICK.value and each["modality"] == row["modality"]
    ]
    if alike:
        return max(alike, key=itemgetter("seconds_per_slice"))
    return min(quicker, key=itemgetter("seconds_per_slice"), default=None)


def slow_note(name: str, rows: list[dict[str, Any]]) -> str | None:
    """One sentence on weights that keep people waiting here; None for quick ones."""
    known = {row["name"]: row for row in rows}
    row = known[name]
    if row["pace"] in (None, Pace.QUICK.value):
        return None
    minutes = row["seconds_per_slice"] * SCAN_SLICES / 60
    text = (
        f"With {name} a slice takes about {_seconds(row)} on this computer, and a scan of "
        f"{SCAN_SLICES} slices about {minutes:.0f} minutes"
    )
    quicker = known.get(row["quicker"] or "")
    return f"{text}; {quicker['name']} takes {_seconds(quicker)} a slice." if quicker else f"{text}."


def echo_list(rows: list[dict[str, Any]]) -> None:
    """Rows under how quick they are here, then licences; no line wider than the terminal."""
    width = shutil.get_terminal_size().columns
    longest = max(len(row["name"]) for row in rows)
    for group, members in groupby(rows, itemgetter("pace")):
        typer.echo(TITLES[Pace(group) if group else None])
        for row in members:
            here = "installed" if row["installed"] else _without_download(row)
            good_at = f"{', '.join(row['modality'])}: {', '.join(row['prompts'])}" if row["modality"] else ""
            line = f"  {row['name']:{longest}} {_seconds(row):>7} {megabytes(row['size_bytes']):>7} {here:9} "
            typer.echo(_filled(f"{line}{good_at}".rstrip(), width, " " * (longest + 29)))
        typer.echo()
    by_licence = itemgetter("publisher", "licence", "licence_note")
    for (publisher, licence, note), members in groupby(sorted(rows, key=by_licence), by_licence):
        names = ", ".join(row["name"] for row in members)
        typer.echo(_filled(f"{publisher}, licence {licence} ({names}): {note}", width))
    typer.echo()
    typer.echo(_filled(_advice(rows), width))
    typer.echo(_filled(f"{megabytes(disk_use())} used in {weights_folder()}", width))


def _without_download(row: dict[str, Any]) -> str:
    """Why weights that are not here cannot simply be downloaded, in a word."""
    if row["why_not"]:
        return "unusable"
    return "" if row["url"] else "by hand"


def _advice(rows: list[dict[str, Any]]) -> str:
    quick = [row["name"] for row in rows if row["pace"] == Pace.QUICK.value]
    which = f"quick on this computer are {', '.join(quick)}" if quick else "none is quick on this computer"
    return (
        f"Which one? Estimated for a slice: {which}. Try each on a scan of yours before you choose; those "
        "for photo and video have seen no medical image."
    )


def _seconds(row: dict[str, Any]) -> str:
    seconds = row["seconds_per_slice"]
    return "" if seconds is None else f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"


def _filled(text: str, width: int, indent: str = "") -> str:
    return textwrap.fill(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def describe(entry: CatalogueEntry | None, stored: StoredWeights | None) -> dict[str, Any]:
    """One row of the list, from the catalogue where it knows the weights, else from the imported file."""
    row = asdict(entry) if entry else {}
    if stored:
        row = (row or _imported(stored)) | {"size_bytes": stored.size_bytes}
    return row | {"installed": stored is not None, "path": str(stored.path) if stored else None}


def _imported(stored: StoredWeights) -> dict[str, Any]:
    """What an entry of the catalogue says, for weights that are in none."""
    noted = noted_network(stored.path)
    return {
        "name": stored.name,
        "title": "Imported by you",
        "publisher": "Imported by you",
        "family": noted.get("family", "damaged"),
        "preset": noted.get("preset", "damaged"),
        "shipped": False,
        "url": None,
        "page": None,
        "filename": stored.path.name,
        "size_is_exact": True,
        "sha256": None,
        "checksum_from": None,
        "why_not": None,
        "licence": "not known here",
        "licence_note": "It is that of the file, and of the weights that it was made from.",
        "modality": (),
        "prompts": (),
    }
