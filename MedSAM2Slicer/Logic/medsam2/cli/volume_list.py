"""The volumes of a DICOM folder as ``medsam2 info`` lists them. Nothing in it names a patient."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medsam2.volume import ReadOptions
from medsam2.volume.dicom import VolumeEntry, list_volumes
from medsam2.volume.reading import is_dicom

_HEAD = ("Volume", "Series", "Type", "Date", "Size", "Slices", "Description")
_LINE, _LEAST = 80, 14
"""Letters of a line, and of a description whatever else the line holds."""


def dicom_volumes(path: Path, options: ReadOptions) -> list[VolumeEntry]:
    """The volumes of a DICOM folder or file; none of a file of another kind, which is one volume itself."""
    return list_volumes(path, options) if is_dicom(path) else []


def is_clear(entries: Sequence[VolumeEntry], options: ReadOptions) -> bool:
    """Whether no choice has to be made, by the user or about the grid, before a volume is read."""
    left = [
        entry
        for entry in entries
        if options.series in (None, entry.series) and options.volume in (None, entry.number)
    ]
    # As reading passes over single images beside larger volumes.
    meant = [entry for entry in left if entry.shape[0] > 1] or left
    return not meant or (len(meant) == 1 and (meant[0].problem is None or options.resample))


def rows(entries: Sequence[VolumeEntry]) -> list[dict[str, Any]]:
    """What is told of each volume; numbers in the order i, j, k."""
    return [
        {
            "volume": entry.number,
            "series": entry.series,
            "series_number": entry.series_number,
            "description": entry.description,
            "modality": entry.modality,
            "date": entry.date,
            "size": list(entry.shape[::-1]),
            "spacing_mm": None if entry.spacing is None else [round(mm, 4) for mm in entry.spacing[::-1]],
            "orientation": entry.orientation,
            "files": entry.file_count,
            "problem": entry.problem,
            "can_be_resampled": entry.can_be_resampled,
            "notes": list(entry.notes),
        }
        for entry in entries
    ]


def table(listed: Sequence[dict[str, Any]]) -> str:
    """A line for each volume below the names of the columns, and one more for what hinders reading it."""
    cells = [_HEAD, *map(_cells, listed)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for (*texts, description), row in zip(cells, [None, *listed], strict=True):
        line = "".join(text.ljust(width + 2) for text, width in zip(texts, widths, strict=False))
        lines.append(line + _shortened(description, max(_LEAST, _LINE - len(line))))
        if row is not None and row["problem"] is not None:
            way_out = "; read it with --resample" if row["can_be_resampled"] else ""
            lines.append(f"  no regular grid: {row['problem']}{way_out}")
    return "\n".join(lines)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    size = " x ".join(map(str, row["size"]))
    facts = (row["modality"] or "", row["date"], size, row["orientation"])
    return str(row["volume"]), str(row["series"]), *facts, " ".join(row["description"].split())


def _shortened(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1].rstrip()}…"
