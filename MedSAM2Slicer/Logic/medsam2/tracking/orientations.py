"""Several orientations: what tracking finds along one axis prompts the others, and all answers are fused.

Source: MedSAM-2 (arXiv 2408.00874) averages six sequences of a volume. How the others are prompted, and how
much each counts, it does not say; ``docs/results.md`` has what was measured.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from medsam2.orientations import Orientations, other_axes
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.propagation_options import PropagationOptions
from medsam2.slice_grid import Axis
from medsam2.volume import VolumeSlices
from medsam2.volume.geometry import axis_index

from .slice_mask import SliceMask
from .tracker import Tracker

CLIP = 6.0
"""Logits count no further from 0 than this."""
MARGIN, LEAST_MARGIN = 0.2, 4
"""How far beyond the first way's mask the others count: share of its extent, and voxels."""
LEAST = 1e-3
"""Fused probabilities are kept this far from 0 and 1, as what is tracked is never sure without end."""
INWARD = (0.25, 0.75)
"""Where between the ends of an object an inward way begins."""
FAINT = 0.02
"""Less probable voxels say nothing of how well the ways agree: there are too many of them."""

Step = tuple[float, SliceMask | None]
"""The share of the work that is done, and a mask where there is one."""


@dataclass(frozen=True)
class Way:
    """One of the ways through the volume.

    Attributes:
        axis: along which slices are tracked.
        inward: from near both ends of the object, rather than from its largest section.
    """

    axis: Axis
    inward: bool


def other_ways(axis: Axis, others: Sequence[Axis], count: Orientations) -> list[Way]:
    """All ways but the first, which goes outward from the prompts along ``axis``."""
    if count == 1:
        return []
    outward = [Way(other, False) for other in others]
    return outward if count == 3 else [*outward, *(Way(each, True) for each in (axis, *others))]


class OrientedPropagation:
    """Tracks objects along the axis of their prompts, then along other axes, and fuses the answers.

    Args:
        tracker: knows the prompts; its slices are a volume's.
        count: of ways; axes too coarse for them are left out (``other_axes``).

    Attributes:
        ways: beside the first one.
    """

    def __init__(self, tracker: Tracker, count: Orientations):
        assert isinstance(tracker.slices, VolumeSlices)
        self._tracker = tracker
        self._slices = slices = tracker.slices
        volume = slices.volume
        others, _ = other_axes(volume.voxels.shape, volume.geometry.spacing, slices.axis)
        self.ways = other_ways(slices.axis, others, count)
        self._helper: Tracker | None = None
        self._fused: dict[str, FusedObject] = {}

    @property
    def remembered_bytes(self) -> int:
        """Memory that it takes beside the tracker."""
        helper = 0 if self._helper is None else self._helper.remembered_bytes
        return helper + sum(fused.mean.nbytes for fused in self._fused.values())

    def free_features(self) -> None:
        """Drop the image features of the way being gone; they are made again when needed."""
        if self._helper is not None:
            self._helper.free_features()

    def propagate(self, objects: Sequence[str], options: PropagationOptions) -> Iterator[Step]:
        """Masks of the first way as they come; then, when all ways are gone, fused ones in their place.

        Slices of which a person said something keep the masks of the first way. Fused masks become the
        tracker's own, one by one as they are yielded: corrections go on from what is seen.

        Args:
            objects: which.
            options: as for the tracker, from which their names come.
        """
        found: dict[str, dict[int, SliceMask]] = {name: {} for name in objects}
        total = sum(map(options.covers, range(self._slices.count))) * len(objects)
        for answer in self._tracker.propagate(
            objects,
            start=options.start,
            direction=options.direction,
            first=options.first,
            last=options.last,
            whole_way=True,
        ):
            is_wanted = options.covers(answer.slice_index)
            if is_wanted:
                found[answer.object_id][answer.slice_index] = answer
            done = sum(map(len, found.values()))
            yield self._share(0, done / total), answer if is_wanted else None
        if self.ways:
            yield from self._go_on(found)

    def _go_on(self, found: dict[str, dict[int, SliceMask]]) -> Iterator[Step]:
        """Go the other ways with what the first one has found, and fuse all."""
        share, axis = 1 / (1 + len(self.ways)), self._slices.axis_index
        reached = []
        for name, answers in found.items():
            if any(not answer.mask.is_empty for answer in answers.values()):
                self._fused[name] = fused = FusedObject(self._slices, answers)
                for index, answer in answers.items():
                    fused.add(axis, index, share * fused.probable(axis, answer))
                reached += [(name, index) for index in answers]
        found.clear()
        if not self._fused:
            return
        prompts = [self._prompts(way, share) for way in self.ways]
        self._tracker.free_features()
        for number, way in enumerate(self.ways):
            yield from self._go(number + 1, way, prompts[number], share)
        self._helper = None
        for name, index in reached:
            fused_mask = self._fuse(name, index)
            if fused_mask is not None:
                yield 1.0, fused_mask

    def _share(self, number: int, part: float) -> float:
        """How much is done when a part of a way is gone."""
        return (number + part) / (1 + len(self.ways))

    def _prompts(self, way: Way, share: float) -> dict[str, list[Prompt]]:
        """Sections of what the first way has found, as prompts by object."""
        axis = axis_index(way.axis)
        return {name: fused.sections(axis, way.inward, share / 2) for name, fused in self._fused.items()}

    def _go(self, number: int, way: Way, prompts: dict[str, list[Prompt]], share: float) -> Iterator[Step]:
        self._helper = self._tracker.along(way.axis)
        whole = [name for name, target in self._tracker.objects.items() if target.whole_slices]
        for part in go(self._helper, prompts, self._fused, share, whole):
            yield self._share(number, part), None

    def _fuse(self, name: str, index: int) -> SliceMask | None:
        """The fused mask of a slice in place of the first way's; None where a person said something."""
        target = self._tracker.objects.get(name)
        if target is None or target.said(index) or index not in target.entries:
            return None
        probable = self._fused[name].on_slice(self._slices, index)
        entry = target.entries[index]
        seen = entry.field_of_view.network_image(probable, entry.logits.shape[-1])
        entry = replace(
            entry,
            logits=torch.logit(seen, LEAST).to(entry.logits),
            painted=PlacedMask.cropped(probable > 0.5),
            memory=None,
            memory_field_of_view=None,
        )
        target.remember(entry)
        answer = SliceMask.from_entry(name, entry, probable.shape)
        return replace(answer, agreement=agreement(probable))


def go(
    helper: Tracker,
    prompts: dict[str, list[Prompt]],
    fused: "dict[str, FusedObject]",
    share: float,
    whole_slices: Collection[str] = (),
) -> Iterator[float]:
    """Track along a way, and add what comes of it; yields how much of it is done.

    What it is prompted with comes from the first way, so it says nothing new where it is prompted: there the
    slices beside count for it, unless these show nothing.

    Args:
        helper: along the way; knows no object yet.
        prompts: by object.
        fused: by object.
        share: how much the way counts.
        whole_slices: objects of which the network is to see whole slices.
    """
    assert isinstance(helper.slices, VolumeSlices)
    axis = helper.slices.axis_index
    given = {(name, each.slice_index): each for name, sections in prompts.items() for each in sections}
    own: dict[tuple[str, int], np.ndarray] = {}
    beside: dict[tuple[str, int], list[np.ndarray]] = {key: [] for key in given}
    for (name, _), prompt in given.items():
        helper.prompt(name, prompt, "slice" if name in whole_slices else None)
    first = min(each.box[axis].start for each in fused.values())
    end = max(each.box[axis].stop for each in fused.values())
    total = (end - first) * len(prompts)
    for done, answer in enumerate(helper.propagate(list(prompts), first=first, last=end - 1), start=1):
        name, index = answer.object_id, answer.slice_index
        probable = share * fused[name].probable(axis, answer)
        if (name, index) in given:
            own[name, index] = probable
        else:
            fused[name].add(axis, index, probable)
        for near in (index - 1, index + 1):
            if (name, near) in given and not answer.mask.is_empty:
                beside[name, near].append(probable)
        yield done / total
    for (name, index), probable in own.items():
        shown = beside[name, index]
        fused[name].add(axis, index, np.mean(shown, axis=0) if shown else probable)


class FusedObject:
    """The mean of what all ways say of an object, in a box of the volume round it.

    Args:
        slices: of the first way.
        answers: of the first way, by slice; one of them shows the object.

    Attributes:
        box: where it lies in the volume, (k, j, i).
        mean: weighted mean of the probabilities in the box, float16, of the ways so far.
    """

    def __init__(self, slices: VolumeSlices, answers: dict[int, SliceMask]):
        masks = [answer.mask for answer in answers.values() if not answer.mask.is_empty]
        low = [min(mask.row for mask in masks), min(mask.column for mask in masks)]
        high = [
            max(mask.row + mask.height for mask in masks),
            max(mask.column + mask.width for mask in masks),
        ]
        box = [_widened(*each) for each in zip(low, high, slices.grid(0).shape, strict=True)]
        box.insert(slices.axis_index, slice(min(answers), max(answers) + 1))
        self.box = tuple(box)
        self.mean = np.zeros([each.stop - each.start for each in box], np.float16)

    def probable(self, axis: int, answer: SliceMask) -> np.ndarray:
        """How probable the object is at the voxels of the box on a slice, (rows, columns) float32."""
        logits = torch.from_numpy(answer.logits)
        on_box = answer.field_of_view.logits_on_slice(logits, *self._sides(axis))
        return on_box.clamp(-CLIP, CLIP).sigmoid().numpy()

    def add(self, axis: int, index: int, probable: np.ndarray) -> None:
        """Add what a way says of a slice, times how much it counts; a slice beyond the box does not."""
        if self.box[axis].start <= index < self.box[axis].stop:
            self._planes(axis)[index - self.box[axis].start] += probable.astype(np.float16)

    def sections(self, axis: int, inward: bool, threshold: float) -> list[Prompt]:
        """Where on an axis a way begins, with the mask that lies above the threshold there."""
        planes = self._planes(axis)
        areas = np.array([np.count_nonzero(plane > threshold) for plane in planes])
        shown = np.flatnonzero(areas)
        wanted = {int(areas.argmax())}
        if inward:
            wanted = {int(shown[round(part * (len(shown) - 1))]) for part in INWARD}
        rows, columns = self._sides(axis)
        return [
            Prompt(
                self.box[axis].start + index,
                mask=PlacedMask.cropped(planes[index] > threshold, rows.start, columns.start),
            )
            for index in sorted(wanted)
        ]

    def on_slice(self, slices: VolumeSlices, index: int) -> np.ndarray:
        """The mean on one slice, (rows, columns) float32, 0 beyond the box."""
        axis = slices.axis_index
        whole = np.zeros(slices.grid(index).shape, np.float32)
        whole[self._sides(axis)] = self._planes(axis)[index - self.box[axis].start]
        return whole

    def _planes(self, axis: int) -> np.ndarray:
        return np.moveaxis(self.mean, axis, 0)

    def _sides(self, axis: int) -> tuple[slice, slice]:
        """The box's rows and columns on slices along an axis."""
        rows, columns = (part for number, part in enumerate(self.box) if number != axis)
        return rows, columns


def agreement(probable: np.ndarray) -> float:
    """How well the ways agree on a slice: the IoU to expect of their masks, by the mean probabilities."""
    known = probable[probable > FAINT].astype(np.float64)
    inside = known > 0.5
    union = np.count_nonzero(inside) + known[~inside].sum()
    return float(known[inside].sum() / union) if union else 1.0


def _widened(first: int, end: int, count: int) -> slice:
    margin = max(LEAST_MARGIN, round(MARGIN * (end - first)))
    return slice(max(first - margin, 0), min(end + margin, count))
