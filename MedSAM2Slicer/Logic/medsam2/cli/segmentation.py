"""From prompted objects to masks: what ``segment`` and ``demo`` have in common."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from medsam2.cli.progress import Stages, stages
from medsam2.cli.prompt_options import PromptedObject
from medsam2.client import BlockingClient
from medsam2.confidence import SliceConfidence
from medsam2.errors import InputError
from medsam2.orientations import Orientations
from medsam2.propagation_options import PropagationOptions
from medsam2.protocol.messages import FieldOfViewChoice, Memory
from medsam2.volume import VolumeMasks, VolumeSlices


@dataclass(frozen=True)
class TrackingOptions:
    """How objects are tracked through a volume.

    Attributes:
        field_of_view: None chooses it.
        memory: the kind of memory bank.
        first, last: the slices along the axis, both included; None for the volume's end.
        orientations: ways through the volume whose answers are fused.
        title: in front of the stages that are shown, such as "Time point 2: ".
    """

    field_of_view: FieldOfViewChoice | None = None
    memory: Memory = "temporal"
    first: int = 0
    last: int | None = None
    orientations: Orientations = 1
    title: str = ""


@dataclass(frozen=True)
class Result:
    """Masks (k, j, i) by object name, and what the run took.

    Attributes:
        confidence: by object name and slice, of the slices that tracking reached.
        orientations: ways through the volume that were wanted.
    """

    masks: Mapping[str, np.ndarray]
    seconds: float
    slice_masks: int
    fields_of_view_mm: dict[str, float]
    confidence: dict[str, dict[int, SliceConfidence]]
    orientations: Orientations = 1

    @property
    def seconds_per_slice(self) -> float:
        """Seconds for one mask on one slice, the choice of the field of view included."""
        return self.seconds / max(self.slice_masks, 1)

    def doubtful(self, name: str) -> list[int]:
        """Slices where a person should look at an object, in order."""
        return sorted(index for index, slice in self.confidence[name].items() if slice.is_doubtful)


def track(
    client: BlockingClient,
    slices: VolumeSlices,
    objects: Sequence[PromptedObject],
    options: TrackingOptions = TrackingOptions(),
) -> Result:
    """Send a volume and all prompts, and track the objects through the slices."""
    last = slices.count - 1 if options.last is None else options.last
    window = (slices.window.lower, slices.window.upper)
    with stages() as progress:
        progress.begin(f"{options.title}Sending the image", slices.volume.voxels.nbytes / 1e6, "MB")
        client.open_volume(
            slices.volume.voxels,
            slices.volume.geometry.spacing,
            modality=slices.volume.modality,
            window=window,
            memory=options.memory,
            on_progress=lambda done, total: progress.reach(done / 1e6),
        )
        started = time.perf_counter()
        progress.begin(f"{options.title}Answering the prompts")
        fields_of_view = {
            entry.name: _prompt(client, slices, entry, options.field_of_view) for entry in objects
        }
        masks, done = VolumeMasks(slices), 0.0
        confidence: dict[str, dict[int, SliceConfidence]] = {entry.name: {} for entry in objects}
        stretches = _stretches(objects, options.first, last)
        total = sum((end - start + 1) * len(names) for (start, end), names in stretches.items())
        progress.begin(f"{options.title}Tracking", total, "slices")
        for (start, end), names in stretches.items():
            stretch = PropagationOptions(first=start, last=end, orientations=options.orientations)
            size = (end - start + 1) * len(names)
            reached = partial(_reach, progress, done, size)
            for mask in client.propagate(slices.axis, names, stretch, reached):
                masks.put(mask)
                confidence[mask.object_id][mask.slice_index] = SliceConfidence(
                    mask.iou, mask.object_score, not mask.mask.is_empty, mask.agreement
                )
            done += size
    return Result(
        {entry.name: masks[entry.name] for entry in objects},
        time.perf_counter() - started,
        sum(map(len, confidence.values())),
        fields_of_view,
        confidence,
        options.orientations,
    )


def _reach(progress: Stages, before: float, size: int, share: float) -> None:
    progress.reach(before + share * size)


def _stretches(objects: Sequence[PromptedObject], first: int, last: int) -> dict[tuple[int, int], list[str]]:
    """Names of objects by the slices between which they are tracked."""
    stretches: dict[tuple[int, int], list[str]] = {}
    for entry in objects:
        low, high = entry.span or (first, last)
        start, end = max(first, low), min(last, high)
        if start > end:
            raise InputError(
                f"The box of {entry.name} reaches from slice {low} to {high}, but --range is {first}:{last}: "
                "correct one of them."
            )
        stretches.setdefault((start, end), []).append(entry.name)
    return stretches


def _prompt(
    client: BlockingClient,
    slices: VolumeSlices,
    entry: PromptedObject,
    field_of_view: FieldOfViewChoice | None,
) -> float:
    """Send an object's prompts; returns the side in mm of the field of view of the first.

    Those that show the object go first: only they have a field of view of their own.
    """
    sides = []
    for prompt in sorted(entry.prompts, key=lambda one: not one.shows_object):
        answer = client.prompt(entry.name, slices.axis, prompt, field_of_view)
        sides.append(answer.field_of_view.rows * slices.grid(0).spacing[0])
    return round(sides[0], 1)
