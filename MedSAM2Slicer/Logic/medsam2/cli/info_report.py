"""What ``medsam2 info`` reports of a volume, or of those in a DICOM folder. Nothing in it names a patient."""

import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from medsam2.cli.wording import digits_for, spoken
from medsam2.errors import InputError
from medsam2.volume import (
    WINDOW_PRESETS,
    ImageSequence,
    ReadOptions,
    TimePoints,
    Volume,
    choose_window,
    guess_modality,
    orientation,
    read_sequence,
)
from medsam2.volume.dicom import VolumeEntry, list_volumes
from medsam2.volume.files.reading import is_dicom

WITHOUT_PLACE = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff")
"""Kinds of pictures that do not say how they lie in a patient."""
_HEAD = ("Volume", "Series", "Type", "Date", "Size", "Slices", "Description")
_LINE, _LEAST = 80, 14
"""Letters of a line, and of a description whatever else the line holds."""


def is_placed(path: Path) -> bool:
    """Whether the kind of a file or folder says where the image lies in the patient."""
    return is_dicom(path) if path.is_dir() else path.suffix.lower() not in WITHOUT_PLACE


def facts(volume: Volume, placed: bool, times: TimePoints) -> dict[str, Any]:
    """Numbers of a volume, in the order i, j, k and R, A, S; positions in millimetres only if ``placed``.

    ``times`` are the time points of the image, one of which the volume is.
    """
    geometry, voxels = volume.geometry, volume.voxels
    window = choose_window(volume)
    middle = np.array(geometry.shape) // 2
    report: dict[str, Any] = {
        "size": list(geometry.shape[::-1]),
        "spacing_mm": [round(step, 6) for step in geometry.spacing[::-1]],
        "time_points": {"count": times.count, "values": list(times.values), "unit": times.unit},
        "modality": volume.modality,
        "intensities": {
            "lowest": voxels.min().item(),
            "highest": voxels.max().item(),
            "type": str(voxels.dtype),
            "like_ct": guess_modality(voxels) == "CT",
        },
        "window": [window.lower, window.upper],
        "middle_ijk": middle[::-1].tolist(),
    }
    if placed:
        corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(geometry.shape) - 1)
        digits = digits_for(min(geometry.spacing)) + 1
        positions = np.round(geometry.kji_to_ras(corners), digits) + 0.0  # no -0.0
        report |= {
            "orientation": orientation(geometry).sentence(),
            "ijk_to_ras": geometry.ijk_to_ras.tolist(),
            "range_mm": dict(
                zip("RAS", np.stack([positions.min(0), positions.max(0)], 1).tolist(), strict=True)
            ),
            "middle_ras_mm": (np.round(geometry.kji_to_ras(middle), digits) + 0.0).tolist(),
        }
    return report


def describe(report: dict[str, Any]) -> str:
    """The facts as lines of text."""
    rows = {
        "Size": " x ".join(map(str, report["size"])) + " voxels (i, j, k)",
        "Spacing": " x ".join(f"{step:.3g}" for step in report["spacing_mm"]) + " mm",
    }
    if report["time_points"]["count"] > 1:
        rows["Time points"] = _time_points(**report["time_points"])
    if "orientation" in report:
        digits = digits_for(min(report["spacing_mm"]))
        rows["Orientation"] = report["orientation"]
        for number, (name, limits) in enumerate(report["range_mm"].items()):
            low, high = limits
            letters = " to ".join(spoken(limit, number, digits) for limit in limits)
            rows[name] = f"{low:.{digits}f} to {high:.{digits}f} mm ({letters})"
    else:
        rows["Orientation"] = "as stored; this kind of file does not say where the image lies in the patient"
    found = report["intensities"]
    likeness = "like" if found["like_ct"] else "unlike"
    rows["Intensities"] = f"{found['lowest']:g} to {found['highest']:g}, {likeness} those of a CT"
    rows["Modality"] = report["modality"] or "unknown"
    rows["Window"] = _window(*report["window"])
    rows["Middle"] = _middle(report)
    return "\n".join(f"{name:<13}{text}" for name, text in rows.items())


def _time_points(count: int, values: Sequence[str], unit: str) -> str:
    when = f", from {values[0]} to {values[-1]} {unit}".rstrip() if values else ", not known when"
    return f"{count}{when}; choose with --time 0 to {count - 1}, or all"


def _window(lower: float, upper: float) -> str:
    presets = {(preset.lower, preset.upper): f" ({name})" for name, preset in WINDOW_PRESETS.items()}
    return f"{lower:g} to {upper:g}{presets.get((lower, upper), '')}"


def _middle(report: dict[str, Any]) -> str:
    """Both ways to click the middle voxel, to be copied."""
    ijk = ",".join(map(str, report["middle_ijk"]))
    if "middle_ras_mm" not in report:
        return f"--ijk --point {ijk.removesuffix(',0') if report['size'][2] == 1 else ijk}"
    digits = digits_for(min(report["spacing_mm"]))
    letters = ",".join(
        spoken(position, number, digits) for number, position in enumerate(report["middle_ras_mm"])
    )
    return f"--ijk --point {ijk}, or --point {letters}"


def dicom_volumes(path: Path, options: ReadOptions) -> list[VolumeEntry]:
    """The volumes of a DICOM folder or file; none of a file of another kind, which is one volume itself."""
    return list_volumes(path, options) if is_dicom(path) else []


def sequence_to_show(
    path: Path, entries: Sequence[VolumeEntry], options: ReadOptions
) -> ImageSequence | None:
    """The image, where it is clear which is meant; else None.

    Raises:
        InputError: the one that is meant cannot be read.
    """
    if is_clear(entries, options):
        return read_sequence(path, options)
    # Several volumes may yet be the time points of one image.
    with warnings.catch_warnings(), suppress(InputError):
        warnings.simplefilter("ignore")
        sequence = read_sequence(path, options)
        return sequence if sequence.times.count > 1 else None
    return None


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


def volume_rows(entries: Sequence[VolumeEntry]) -> list[dict[str, Any]]:
    """What the list shows of each volume; numbers in the order i, j, k."""
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


def volume_table(listed: Sequence[dict[str, Any]]) -> str:
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
