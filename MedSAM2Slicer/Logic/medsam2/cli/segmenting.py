"""From an image's options to masks in files: what ``segment`` and each case of ``batch`` have in common."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from medsam2.cli.doubts import note_coarse, note_out_of_range, note_unseen
from medsam2.cli.options import Memory, checked_orientations, memory_bank
from medsam2.cli.prompt_options import PromptedObject
from medsam2.cli.results import Outputs, check_referable, summary, write_results
from medsam2.cli.segmentation import Result, TrackingOptions, track
from medsam2.cli.time_choice import TimeChoice
from medsam2.client import BlockingClient
from medsam2.errors import InputError
from medsam2.protocol.messages import FieldOfViewChoice
from medsam2.volume import (
    ImageSequence,
    ReadOptions,
    VolumeSlices,
    WeightsUsed,
    choose_axis,
    choose_window,
    read_sequence,
)

ObjectsOf = Callable[[VolumeSlices], list[PromptedObject]]
"""What is to be segmented on an image."""


@dataclass(frozen=True)
class SegmentOptions:
    """An image, and how objects are segmented on it; texts are as ``medsam2 segment`` takes them.

    Raises:
        InputError: a text, or the name of the image, is wrong whatever the image holds.
    """

    image: Path
    reading: ReadOptions = field(default_factory=ReadOptions)
    time: TimeChoice = field(default_factory=TimeChoice)
    axis: str = "auto"
    slice_range: str | None = None
    view: str = "auto"
    window: str = "auto"
    memory: Memory = "neighbours"
    orientations: int = 1

    def __post_init__(self) -> None:
        checked_orientations(self.orientations)
        if self.image.name.lower().endswith(".seg.nrrd"):
            raise InputError(
                f"{self.image} is a segmentation: give the scan as the image, and this file with --mask."
            )
        parse_field_of_view(self.view)


@dataclass(frozen=True, eq=False)
class Scene:
    """One time point of an image, the objects that are prompted on it, and how they are tracked."""

    sequence: ImageSequence
    time_point: int
    slices: VolumeSlices
    objects: list[PromptedObject]
    tracking: TrackingOptions


def open_image(options: SegmentOptions) -> tuple[ImageSequence, int]:
    """The image, and which of its time points is prompted.

    Raises:
        InputError: it cannot be read, or has no such time point.
    """
    sequence = read_sequence(options.image, options.reading)
    return sequence, options.time.in_image(options.image, sequence.times)


def read_scene(
    options: SegmentOptions, sequence: ImageSequence, time_point: int, outputs: Outputs, objects_of: ObjectsOf
) -> Scene:
    """The prompted time point, read.

    Raises:
        InputError: it cannot be read, the outputs cannot refer to it, or prompts do not fit it.
    """
    scan = sequence.volume(time_point)
    check_referable(outputs, options.image, scan)
    slices = VolumeSlices(scan, choose_axis(scan.geometry, options.axis), choose_window(scan, options.window))
    objects = objects_of(slices)
    first, last = _parse_range(options.slice_range, slices.count)
    ways = checked_orientations(options.orientations)
    note_coarse(slices, ways)
    tracking = TrackingOptions(
        parse_field_of_view(options.view), memory_bank(options.memory), first, last, ways
    )
    return Scene(sequence, time_point, slices, objects, tracking)


def track_scene(client: BlockingClient, scene: Scene) -> Result:
    """The masks of its objects."""
    return track(client, scene.slices, scene.objects, scene.tracking)


def write_scene(
    outputs: Outputs, scene: Scene, result: Result, weights: WeightsUsed | None
) -> dict[str, Any]:
    """Write all outputs or none; returns the summary, for people and for machines.

    Args:
        outputs: the files.
        scene: what was segmented.
        result: of ``track_scene``.
        weights: for DICOM, which names them.
    """
    write_results(outputs, scene.slices, scene.objects, result, weights)
    report = summary(scene.slices, scene.objects, result)
    if scene.sequence.times.count > 1:
        report["time_point"] = scene.time_point
    return report


def note_doubtful_prompts(scene: Scene) -> None:
    """Tell the user of prompts where the image shows nothing, or that the range leaves out."""
    last = scene.slices.count - 1 if scene.tracking.last is None else scene.tracking.last
    for entry in scene.objects:
        note_unseen(scene.slices, entry)
        note_out_of_range(entry, scene.tracking.first, last)


def weights_used(name: str, wanted: str | None, is_on_server: bool) -> WeightsUsed:
    """What a backend calls its weights, and their checksum where it runs here."""
    return WeightsUsed(name) if is_on_server else WeightsUsed(name, _checksum(wanted or "starter"))


@lru_cache(maxsize=1)
def _checksum(weights: str) -> str:
    import pooch

    from medsam2.weights.store import locate

    return pooch.file_hash(str(locate(weights).path))


def parse_field_of_view(text: str) -> FieldOfViewChoice | None:
    """``slice``, millimetres, or None for ``auto``."""
    if text == "auto":
        return None
    if text == "slice":
        return "slice"
    try:
        side = float(text)
    except ValueError:
        side = -1.0
    if not 0 < side < float("inf"):
        raise InputError(f"--view {text} is not auto, slice, or a side in millimetres above 0.")
    return side


def _parse_range(text: str | None, count: int) -> tuple[int, int]:
    """First and last slice of ``A:B``, both included; all slices when not given."""
    if text is None:
        return 0, count - 1
    try:
        first, last = (int(part) for part in text.split(":"))
    except ValueError:
        first, last = 1, 0
    if not 0 <= first <= last < count:
        raise InputError(f"--range {text} is not A:B with 0 <= A <= B <= {count - 1}, slices of this axis.")
    return first, last
