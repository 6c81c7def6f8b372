"""From objects prompted at one time point to masks at all of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from medsam2.cli.progress import stages
from medsam2.cli.prompt_options import PromptedObject
from medsam2.cli.segmentation import Result, TrackingOptions, track
from medsam2.client import BlockingClient
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.through_time import CarriedSlice, carried_slices, film_of, prompts_after
from medsam2.volume import Geometry, ImageSequence, Volume, VolumeSlices


@dataclass(frozen=True, eq=False)
class TimePointResult:
    """What came out at one time point.

    Attributes:
        objects: with their prompts there; those of other time points than the prompted are found.
        result: of tracking them.
    """

    objects: Sequence[PromptedObject]
    result: Result


class _PackedMasks(Mapping[str, np.ndarray]):
    """Masks by object, unpacked anew at each look: those of all time points are kept until the end."""

    def __init__(self, masks: Mapping[str, np.ndarray]):
        self._bits = {name: (mask.shape, np.packbits(mask)) for name, mask in masks.items()}

    def __getitem__(self, name: str) -> np.ndarray:
        shape, bits = self._bits[name]
        return np.unpackbits(bits, count=int(np.prod(shape))).view(bool).reshape(shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._bits)

    def __len__(self) -> int:
        return len(self._bits)


def slices_at(sequence: ImageSequence, time_point: int, like: VolumeSlices) -> VolumeSlices:
    """The slices of a time point along the axis, and with the window and modality, of another's."""
    volume = replace(sequence.volume(time_point), modality=like.volume.modality)
    return VolumeSlices(volume, like.axis, like.window)


def track_in_time(
    client: BlockingClient,
    sequence: ImageSequence,
    slices: VolumeSlices,
    objects: Sequence[PromptedObject],
    prompted: int,
    options: TrackingOptions,
) -> list[TimePointResult]:
    """Track objects through the slices of one time point, and from there to all the others.

    A sequence of single slices is a film: it is tracked as the slices of one volume are.

    Args:
        sequence: the image.
        slices: of the time point where the objects are prompted.
        objects: with their prompts there.
        prompted: its number.
        options: of tracking at each time point.
    """
    if slices.count == 1:
        return _through_film(client, sequence, slices, objects, prompted, options)
    found = {prompted: _at(client, slices, objects, prompted, options)}
    for numbers in (range(prompted + 1, sequence.times.count), range(prompted - 1, -1, -1)):
        before, last = slices, found[prompted]
        for number in numbers:
            after = slices_at(sequence, number, slices)
            carried = _carried(client, before, after, last, options)
            last = found[number] = _at(client, after, carried, number, options, last.result)
            before = after
    return [found[number] for number in range(sequence.times.count)]


def _at(
    client: BlockingClient,
    slices: VolumeSlices,
    objects: Sequence[PromptedObject],
    number: int,
    options: TrackingOptions,
    last: Result | None = None,
) -> TimePointResult:
    """What comes of objects at one time point; those without prompts, as in the ``last`` result, are lost."""
    shown = [entry for entry in objects if entry.prompts]
    result = Result({}, 0.0, 0, {}, {})
    if shown:
        result = track(client, slices, shown, replace(options, title=f"Time point {number}: "))
    masks, views, confidence = dict(result.masks), result.fields_of_view_mm, result.confidence
    for entry in objects:
        if last is not None and not entry.prompts:
            masks[entry.name] = np.zeros(slices.volume.voxels.shape, bool)
            views[entry.name], confidence[entry.name] = last.fields_of_view_mm[entry.name], {}
    return TimePointResult(objects, replace(result, masks=_PackedMasks(masks)))


def _carried(
    client: BlockingClient,
    before: VolumeSlices,
    after: VolumeSlices,
    last: TimePointResult,
    options: TrackingOptions,
) -> list[PromptedObject]:
    """Objects with their prompts at the next time point, as ``medsam2.through_time`` says."""
    carried = carried_slices({name: _planes(mask, before) for name, mask in last.result.masks.items()})
    prompts: dict[str, list[Prompt]] = {}
    if carried:
        film = film_of(carried, _planes(before.volume.voxels, before), _planes(after.volume.voxels, after))
        prompts = prompts_after(_through_frames(client, carried, film, before, options))
    return [replace(entry, prompts=prompts.get(entry.name, []), span=None) for entry in last.objects]


def _planes(voxels: np.ndarray, slices: VolumeSlices) -> np.ndarray:
    """Voxels (k, j, i) as (slice, row, column)."""
    return np.moveaxis(voxels, slices.axis_index, 0)


def _through_frames(
    client: BlockingClient,
    carried: Sequence[CarriedSlice],
    film: np.ndarray,
    slices: VolumeSlices,
    options: TrackingOptions,
) -> Iterator[tuple[CarriedSlice, PlacedMask]]:
    window = (slices.window.lower, slices.window.upper)
    with stages() as progress:
        progress.begin("Following the objects in time", len(carried), "slices")
        spacing = (1.0, *slices.grid(0).spacing)
        client.open_volume(film, spacing, slices.volume.modality, window, options.memory)
        for each in carried:
            client.prompt(each.object_id, "k", each.prompt, options.field_of_view)
            for answer in client.propagate("k", [each.object_id], each.options):
                yield each, answer.mask
            progress.advance()


def _through_film(
    client: BlockingClient,
    sequence: ImageSequence,
    slices: VolumeSlices,
    objects: Sequence[PromptedObject],
    prompted: int,
    options: TrackingOptions,
) -> list[TimePointResult]:
    frames = [slices_at(sequence, number, slices).volume.voxels for number in range(sequence.times.count)]
    voxels = np.concatenate(frames, axis=slices.axis_index)
    volume = Volume(voxels, Geometry(voxels.shape, slices.volume.geometry.ijk_to_ras), slices.volume.modality)
    film = VolumeSlices(volume, slices.axis, slices.window)
    on_frame = [
        replace(entry, prompts=[replace(one, slice_index=prompted) for one in entry.prompts], span=None)
        for entry in objects
    ]
    whole = track(client, film, on_frame, replace(options, first=0, last=None, orientations=1))
    return [
        TimePointResult(
            objects if number == prompted else [replace(entry, prompts=[]) for entry in objects],
            _of_frame(whole, number, slices.axis_index),
        )
        for number in range(film.count)
    ]


def _of_frame(film: Result, number: int, axis: int) -> Result:
    """What came out on one frame, as of a volume of one slice."""
    reached = {name: {0: on[number]} if number in on else {} for name, on in film.confidence.items()}
    masks = {name: np.take(mask, [number], axis) for name, mask in film.masks.items()}
    done = sum(map(len, reached.values()))
    return replace(
        film, masks=masks, confidence=reached, slice_masks=done, seconds=film.seconds_per_slice * done
    )
