"""Masks of all time points: written together, and reported to people and machines."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from medsam2.cli.doubts import listed
from medsam2.cli.results import Outputs, labelmap_of, summary, write_files, write_sheet
from medsam2.cli.time_tracking import TimePointResult
from medsam2.cli.wording import millilitres, significant
from medsam2.cli.written_together import Hidden, written_together
from medsam2.errors import InputError
from medsam2.volume import (
    TimePoints,
    VolumeSlices,
    WeightsUsed,
    can_hold_time,
    output_format,
    write_label_names,
    write_labelmap_sequence,
)

PLACE = "{time}"
"""In a name, the number of the time point: such a name is one file for each."""
_SEQUENCE = ".seq.nrrd"
SlicesAt = Callable[[int], VolumeSlices]


def check_time_names(outputs: Outputs, is_all: bool) -> None:
    """Refuse names for all time points of an image that fit one only, and a sequence's name for one.

    Raises:
        InputError: the file cannot hold them, and there are not to be several files.
    """
    name, preview = outputs.masks.name, outputs.preview
    for file in outputs.files:
        if PLACE in str(file.parent):
            raise InputError(f"{PLACE} in {file} is in a folder's name: put it into that of the file.")
    if not is_all:
        if any(PLACE in each.name for each in outputs.files):
            raise InputError(f"{PLACE} in a name stands for all time points: give --time all too.")
        if name.endswith(_SEQUENCE):
            raise InputError(f"{name} would hold all time points: give --time all, or end it with .nrrd.")
        return
    if PLACE in name and name.endswith(_SEQUENCE):
        raise InputError(f"{name} would hold all time points: leave {PLACE} out, or end it with .nrrd.")
    if PLACE not in name and not can_hold_time(outputs.masks):
        raise InputError(
            f"{name} can hold one time point: put {PLACE} into the name for a file for each, as in "
            f"{_with_place(outputs.masks).name}, or end it with .seq.nrrd or .nii.gz."
        )
    if preview is not None and PLACE not in preview.name:
        raise InputError(
            f"{preview.name} can show one time point: put {PLACE} into the name for a picture of each, as in "
            f"{_with_place(preview).name}."
        )


def _with_place(path: Path) -> Path:
    end = path.suffix if path.suffix.lower() == ".png" else output_format(path)
    return path.with_name(f"{path.name.removesuffix(end)}_{PLACE}{end}")


@dataclass(frozen=True)
class TimeOutputs:
    """The files to write for all time points.

    Attributes:
        named: as they were named; names with ``{time}`` are a file for each.
        times: the time points.
    """

    named: Outputs
    times: TimePoints

    @property
    def is_one_file(self) -> bool:
        """Whether one file holds the masks of all time points."""
        return PLACE not in self.named.masks.name

    def at(self, time_point: int) -> Outputs:
        """Those of one time point; its number has as many digits as the last one's."""
        number = str(time_point).zfill(len(str(self.times.count - 1)))

        def place(path: Path) -> Path:
            return path.with_name(path.name.replace(PLACE, number))

        preview = self.named.preview
        return replace(
            self.named, masks=place(self.named.masks), preview=None if preview is None else place(preview)
        )

    @property
    def files(self) -> list[Path]:
        """All of them."""
        each = [self.at(number) for number in range(self.times.count)]
        return list(dict.fromkeys(file for outputs in each for file in outputs.files))

    def as_segmentations(self) -> "TimeOutputs":
        """Beside a labelmap, segmentations of names that nothing has yet, one for each time point."""

        def names() -> Iterator[Path]:
            masks = self.named.masks
            stem = masks.name.removesuffix(output_format(masks)).removesuffix(".seq").replace(PLACE, "")
            for number in count(1):
                again = "" if number == 1 else f"-{number}"
                yield masks.with_name(f"{stem.rstrip('_')}{again}_{PLACE}.seg.nrrd")

        outputs = (replace(self, named=Outputs(name)) for name in names())
        return next(each for each in outputs if not any(map(os.path.lexists, each.files)))


def write_time_results(
    outputs: TimeOutputs, found: Sequence[TimePointResult], slices_at: SlicesAt, weights: WeightsUsed | None
) -> None:
    """Write what came out at all time points: all files or none.

    Args:
        outputs: the files.
        found: by the number of the time point.
        slices_at: of a time point; the image is read again for those, as only pictures and DICOM need it.
        weights: for DICOM.

    Raises:
        InputError: a file could not be written; or labelmaps cannot hold overlapping objects, which are then
            in segmentations beside them, so that nothing computed is lost.
    """
    shared = _shared_voxels(outputs, found)
    target = outputs.as_segmentations() if shared else outputs
    with written_together(target.files) as hidden:
        for number, each in enumerate(found):
            there = target.at(number)
            if not target.is_one_file:
                labels = None if there.label_names is None else _labels(there, each)
                write_files(hidden, there, labels, slices_at(number), each.objects, each.result, weights)
            elif there.preview is not None:
                write_sheet(hidden(there.preview), slices_at(number), each.objects, each.result)
        if target.is_one_file:
            _write_one_file(hidden, target, found, slices_at(0))
    if shared:
        raise InputError(
            f"{shared}, which {outputs.named.masks.name} cannot hold, so all is kept in "
            f"{target.named.masks}: give a name like that, or say with --overlap last or first which object "
            "has such voxels."
        )


def _shared_voxels(outputs: TimeOutputs, found: Sequence[TimePointResult]) -> str:
    """What objects share that labelmaps cannot hold; empty where there is nothing."""
    if outputs.named.label_names is None:
        return ""
    overlaps = (labelmap_of(each.objects, each.result, outputs.named.overlap)[1] for each in found)
    return next((f"At time point {number} {first[0]}" for number, first in enumerate(overlaps) if first), "")


def _write_one_file(
    hidden: Hidden,
    outputs: TimeOutputs,
    found: Sequence[TimePointResult],
    slices: VolumeSlices,
) -> None:
    named = outputs.named
    labels = np.stack([_labels(named, each) for each in found])
    write_labelmap_sequence(hidden(named.masks), labels, slices.volume.geometry, outputs.times)
    if named.label_names is not None:
        names = {entry.label: entry.name for entry in found[0].objects}
        write_label_names(hidden(named.label_names), names)


def _labels(outputs: Outputs, found: TimePointResult) -> np.ndarray:
    """Labels (k, j, i) of objects that share no voxel, or whose shared voxels the options give away."""
    return labelmap_of(found.objects, found.result, outputs.overlap)[0]


def time_summary(
    times: TimePoints, prompted: int, slices: VolumeSlices, found: Sequence[TimePointResult]
) -> dict[str, Any]:
    """What came out, for people and for machines; of a film areas, as its frames have no volume."""
    points = []
    for number, each in enumerate(found):
        report = summary(slices, each.objects, each.result)
        if slices.count == 1:
            rows, columns = slices.grid(0).spacing
            for row in report["objects"]:
                row["area_mm2"] = significant(row["voxels"] * rows * columns)
                row["volume_ml"] = None
        value = times.values[number] if times.values else None
        points.append({"time_point": number, "time": value, **report})
    return {
        "time_points": points,
        "time_unit": times.unit or None,
        "prompted_time_point": prompted,
        "axis": slices.axis,
        "seconds": round(sum(each.result.seconds for each in found), 3),
    }


def describe_in_time(report: dict[str, Any]) -> str:
    """A summary of all time points as lines of text."""
    points, prompted = report["time_points"], report["prompted_time_point"]
    lines = []
    for number, first in enumerate(points[prompted]["objects"]):
        rows = [point["objects"][number] for point in points]
        amounts = [_amount(row) for row in rows if row["found"]]
        span = f", {min(amounts)[1]} to {max(amounts)[1]} over time" if len(amounts) > 1 else ""
        lines.append(f"{first['name']}: {_amount(first)[1]} at time point {prompted}{span}")
        lost = [time for time, row in enumerate(rows) if not row["found"]]
        if lost:
            lines.append(
                f"  not found at {listed(lost, 'time point')}: check there, and at the last before it"
            )
        doubtful = [(time, row["doubtful_slices"]) for time, row in enumerate(rows) if row["doubtful_slices"]]
        if doubtful and doubtful[0][1] == [0] and all(row["slices"] <= 1 for row in rows):
            lines.append(f"  doubtful, so look at {listed([time for time, _ in doubtful], 'time point')}")
        else:
            lines += [f"  doubtful, so look at time point {time}: {listed(at)}" for time, at in doubtful]
    return "\n".join([*lines, f"{report['seconds']:.1f} s for {len(points)} time points"])


def _amount(row: dict[str, Any]) -> tuple[float, str]:
    if row["volume_ml"] is not None:
        return row["volume_ml"], millilitres(row["volume_ml"])
    return row["area_mm2"], f"{row['area_mm2'] / 100:.3g} cm²"
