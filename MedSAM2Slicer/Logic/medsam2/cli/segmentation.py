"""From prompted objects to masks in files: what ``segment`` and ``demo`` have in common."""

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from medsam2.cli.preview import PreviewSegment, write_preview
from medsam2.cli.prompt_options import PromptedObject
from medsam2.model.network import MedSAM2
from medsam2.tracking import SelfSortingMemory, TemporalMemory, Tracker
from medsam2.volume import (
    Segment,
    VolumeMasks,
    VolumeSlices,
    complete_file,
    output_format,
    write_labelmap,
    write_segmentation,
)
from medsam2.weights.loading import load_model

MEMORIES = {"temporal": TemporalMemory(), "self-sorting": SelfSortingMemory()}


@dataclass(frozen=True)
class Result:
    """Masks (k, j, i) by object name, and what the run took."""

    masks: dict[str, np.ndarray]
    seconds: float
    slice_masks: int
    views_mm: dict[str, float]

    @property
    def seconds_per_slice(self) -> float:
        """Seconds for one mask on one slice, the choice of the view included."""
        return self.seconds / max(self.slice_masks, 1)


class _OnlyTrying(Exception):  # noqa: N818 - not an error
    """Leaves a file unwritten."""


def check_destination(path: Path) -> None:
    """Refuse a file that could not be written, before anything is computed.

    Raises:
        InputError: its folder is missing or closed to writing, or the path is a folder.
    """
    with suppress(_OnlyTrying), complete_file(path):
        raise _OnlyTrying


def make_tracker(network: MedSAM2, slices: VolumeSlices, view: str | float, memory: str) -> Tracker:
    """A tracker; with a large network the quick starter network chooses the view."""
    chooser = None
    if view == "auto" and network.config.preset != "starter":
        chooser = load_model("starter", device=str(network.device))
    return Tracker(network, slices, view=view, memory=MEMORIES[memory], view_network=chooser)


def track(
    tracker: Tracker, objects: Sequence[PromptedObject], first: int = 0, last: int | None = None
) -> Result:
    """Prompt all objects and track them through the slices, with a progress bar on a terminal."""
    slices: VolumeSlices = tracker.slices
    last = slices.count - 1 if last is None else last
    started = time.perf_counter()
    for entry in objects:
        for prompt in entry.prompts:
            tracker.prompt(entry.name, prompt)
    masks, done = VolumeMasks(slices), 0
    with _progress() as progress:
        task = progress.add_task("Tracking", total=(last - first + 1) * len(objects))
        for mask in tracker.propagate(first=first, last=last):
            masks.put(mask)
            done += 1
            progress.advance(task)
        progress.update(task, completed=(last - first + 1) * len(objects))
    views = {
        entry.name: tracker.objects[entry.name].entries[entry.prompts[0].slice_index].view
        for entry in objects
    }
    return Result(
        {entry.name: masks[entry.name] for entry in objects},
        time.perf_counter() - started,
        done,
        {name: round(view.side(slices.spacing), 1) for name, view in views.items()},
    )


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _SlicesPerSecond(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, disable=not sys.stderr.isatty(), transient=True)


class _SlicesPerSecond(ProgressColumn):
    def render(self, task: Task) -> Text:
        """The speed, once there is one."""
        return Text(f"{task.speed:.1f} slices/s" if task.speed else "")


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
