"""From prompted objects to masks in files: what ``segment`` and ``demo`` have in common."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medsam2.cli.preview import PreviewSegment, write_preview
from medsam2.cli.progress import stages
from medsam2.cli.prompt_options import PromptedObject
from medsam2.client import BlockingClient
from medsam2.confidence import SliceConfidence
from medsam2.placed_mask import crop_to_content
from medsam2.protocol import MaskBox
from medsam2.volume import (
    Segment,
    VolumeMasks,
    VolumeSlices,
    complete_file,
    output_format,
    write_labelmap,
    write_segmentation,
)


@dataclass(frozen=True)
class Result:
    """Masks (k, j, i) by object name, and what the run took.

    Attributes:
        confidence: by object name and slice, of the slices that tracking reached.
    """

    masks: dict[str, np.ndarray]
    seconds: float
    slice_masks: int
    views_mm: dict[str, float]
    confidence: dict[str, dict[int, SliceConfidence]]

    @property
    def seconds_per_slice(self) -> float:
        """Seconds for one mask on one slice, the choice of the view included."""
        return self.seconds / max(self.slice_masks, 1)

    def doubtful(self, name: str) -> list[int]:
        """Slices where a person should look at an object, in order."""
        return sorted(index for index, slice in self.confidence[name].items() if slice.is_doubtful)


class _OnlyTrying(Exception):  # noqa: N818 - not an error
    """Leaves a file unwritten."""


def check_destination(path: Path) -> None:
    """Refuse a file that could not be written, before anything is computed.

    Raises:
        InputError: its folder is missing or closed to writing, or the path is a folder.
    """
    with suppress(_OnlyTrying), complete_file(path):
        raise _OnlyTrying


def track(
    client: BlockingClient,
    slices: VolumeSlices,
    objects: Sequence[PromptedObject],
    view: str | float | None = None,
    memory: str = "temporal",
    first: int = 0,
    last: int | None = None,
) -> Result:
    """Send a volume and all prompts, and track the objects through the slices."""
    last = slices.count - 1 if last is None else last
    window = (slices.window.lower, slices.window.upper)
    with stages() as progress:
        progress.begin("Sending the image", slices.volume.voxels.nbytes / 1e6, "MB")
        client.open_volume(
            slices.volume.voxels,
            slices.volume.geometry.spacing,
            modality=slices.volume.modality,
            window=window,
            memory=memory,
            on_progress=lambda done, total: progress.reach(done / 1e6),
        )
        started = time.perf_counter()
        progress.begin("Answering the prompts")
        views = {entry.name: _prompt(client, slices, entry, view) for entry in objects}
        masks, done = VolumeMasks(slices), 0
        confidence: dict[str, dict[int, SliceConfidence]] = {entry.name: {} for entry in objects}
        progress.begin("Tracking", (last - first + 1) * len(objects), "slices")
        for mask in client.propagate(slices.axis, first=first, last=last):
            masks.put(mask)
            confidence[mask.object_id][mask.slice_index] = SliceConfidence.of(mask)
            done += 1
            progress.advance()
    seconds = time.perf_counter() - started
    return Result({entry.name: masks[entry.name] for entry in objects}, seconds, done, views, confidence)


def _prompt(
    client: BlockingClient, slices: VolumeSlices, entry: PromptedObject, view: str | float | None
) -> float:
    """Send an object's prompts; returns the side in mm of the field of view of the first."""
    sides = []
    for prompt in entry.prompts:
        mask = None if prompt.mask is None else MaskBox(*crop_to_content(prompt.mask))
        answer = client.prompt(
            entry.name, slices.axis, prompt.slice_index, prompt.points, prompt.box, mask, view
        )
        sides.append(answer.view.rows * slices.spacing[0])
    return round(sides[0], 1)


def write_results(
    output: Path,
    preview: Path | None,
    slices: VolumeSlices,
    objects: Sequence[PromptedObject],
    result: Result,
) -> None:
    """Write the masks and, where asked for, the preview picture: both or neither."""
    if preview is None:
        write_masks(output, slices, objects, result)
        return
    with complete_file(preview) as unfinished:
        write_sheet(unfinished, slices, objects, result)
        write_masks(output, slices, objects, result)


def write_masks(path: Path, slices: VolumeSlices, objects: Sequence[PromptedObject], result: Result) -> None:
    """Write a segmentation, or a labelmap in which later objects win where they overlap."""
    geometry = slices.volume.geometry
    if output_format(path) == ".seg.nrrd":
        segments = [Segment(entry.name, entry.color, result.masks[entry.name]) for entry in objects]
        write_segmentation(path, segments, geometry)
        return
    labels = np.zeros(geometry.shape, np.min_scalar_type(len(objects)))
    for number, entry in enumerate(objects, start=1):
        labels[result.masks[entry.name]] = number
    write_labelmap(path, labels, geometry)


def write_sheet(path: Path, slices: VolumeSlices, objects: Sequence[PromptedObject], result: Result) -> None:
    """Write the preview picture."""
    segments = [
        PreviewSegment(entry.name, entry.color, result.masks[entry.name], entry.prompts) for entry in objects
    ]
    write_preview(path, slices, segments)


def summary(slices: VolumeSlices, objects: Sequence[PromptedObject], result: Result) -> dict:
    """What came out, for people and for machines."""
    voxel_ml = float(np.prod(slices.volume.geometry.spacing)) / 1000
    rows = []
    for entry in objects:
        planes = np.moveaxis(result.masks[entry.name], slices.axis_index, 0)
        rows.append(
            {
                "name": entry.name,
                "voxels": int(planes.sum()),
                "volume_ml": round(float(planes.sum()) * voxel_ml, 2),
                "slices": int(planes.any(axis=(1, 2)).sum()),
                "view_mm": result.views_mm[entry.name],
                "doubtful_slices": result.doubtful(entry.name),
            }
        )
    return {
        "objects": rows,
        "seconds": round(result.seconds, 3),
        "seconds_per_slice": round(result.seconds_per_slice, 4),
    }


def describe(report: dict) -> str:
    """A summary as lines of text."""
    lines = [
        f"{o['name']}: {o['volume_ml']:g} ml on {o['slices']} slices, view {o['view_mm']:g} mm"
        for o in report["objects"]
    ]
    return "\n".join([*lines, f"{report['seconds']:.1f} s, {report['seconds_per_slice']:.3f} s per slice"])
