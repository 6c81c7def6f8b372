"""Clips of consecutive slices cut from a labelled volume, seen as in use: in a square round an object."""

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from medsam2.datasets import LabelledVolume
from medsam2.errors import InputError
from medsam2.slice_grid import AXES, SliceGrid
from medsam2.tracking import FieldOfView
from medsam2.training.augmentation import jittered_frames, jittered_window, random_affine, transformed
from medsam2.volume import VolumeSlices, axis_index, check_axis, choose_window

SMALLEST_FILL, LARGEST_FILL = 0.14, 0.95
"""Share of the field of view's side that the object takes, between these."""
SHIFT = 0.35
"""How far from the field of view's middle the object may lie, in shares of the room beside it."""
LEAST_SHARE = 0.001
"""Objects cover at least this share of the first slice's field of view."""
SMALL_SECTION = 0.1
"""A clip starts on a slice with at least this share of the object's largest section: people click there."""
WHOLE_TRIES, CLOSE_VOXELS = 20, 16
"""After so many fields of view in which an object hardly shows, as it is thin or scattered, only so much of
it is looked at."""
MOST_ANISOTROPIC = 3.0
"""Slices whose voxels are longer than this, in widths, are not looked at from the side."""


@dataclass(frozen=True)
class LabelledClip:
    """See ``medsam2.training.clip_batch.Clip``."""

    images: np.ndarray
    masks: np.ndarray


class ClipSource:
    """A labelled volume, ready to cut clips from.

    Args:
        case: the volume and its labels, with at least one structure.
    """

    def __init__(self, case: LabelledVolume):
        self._volume = case.volume
        self._labels = case.labels
        self._values = list(case.structures.values())
        self._window = choose_window(case.volume)
        self._axes = [axis for axis in AXES if _shows_enough(case, axis)] or ["k"]
        self._areas: dict[tuple[str, int], np.ndarray] = {}

    def cut(self, rng: np.random.Generator, image_size: int, frames: int, objects: int) -> LabelledClip:
        """One clip with 1 to ``objects`` structures that are visible on its first slice."""
        least = round(LEAST_SHARE * image_size**2)
        for tries in itertools.count():
            axis = str(rng.choice(self._axes))
            value = int(rng.choice(self._values))
            areas = self._section_areas(axis, value)
            first = int(rng.choice(np.flatnonzero(areas >= SMALL_SECTION * areas.max())))
            indices = frame_indices(rng, len(areas), first, frames)
            planes = np.take(self._labels, indices, axis_index(axis))
            planes = np.moveaxis(planes, axis_index(axis), 0)
            slices = VolumeSlices(self._volume, axis, jittered_window(self._window, rng))
            section = planes[0] == value
            aim = section if tries < WHOLE_TRIES else _close_part(rng, section)
            field_of_view = aimed_field_of_view(rng, aim, slices.grid(0))
            affine = random_affine(rng)
            masks = self._masks(rng, planes, value, field_of_view, affine, image_size, objects, least)
            if masks:
                break
        images = torch.cat(
            [field_of_view.network_image(slices.pixels(index), image_size) for index in indices]
        )
        images = transformed(jittered_frames(images, rng), affine)
        return LabelledClip(images[:, 0].numpy(), np.stack(masks))

    def _section_areas(self, axis: str, value: int) -> np.ndarray:
        """Voxels of a structure on each slice along an axis."""
        if (axis, value) not in self._areas:
            others = tuple(other for other in range(3) if other != axis_index(axis))
            self._areas[axis, value] = (self._labels == value).sum(axis=others)
        return self._areas[axis, value]

    def _masks(
        self,
        rng: np.random.Generator,
        planes: np.ndarray,
        anchor: int,
        field_of_view: FieldOfView,
        affine: Tensor,
        image_size: int,
        objects: int,
        least: int,
    ) -> list[np.ndarray]:
        """Masks (T, S, S) of the anchor and of others, none where the anchor is hardly to be seen."""
        others = [
            value
            for value in np.unique(field_of_view.cut(planes[0]))
            if value in self._values and value != anchor
        ]
        masks: list[np.ndarray] = []
        for value in [anchor, *rng.permutation(others)]:
            shown = [
                field_of_view.network_image((plane == value).astype(np.float32), image_size)
                for plane in planes
            ]
            mask = (transformed(torch.cat(shown), affine)[:, 0] >= 0.5).numpy()
            if mask[0].sum() >= least:
                masks.append(mask)
            if not masks or len(masks) == objects:
                break
        return masks


def frame_indices(rng: np.random.Generator, count: int, first: int, frames: int) -> np.ndarray:
    """Slices from ``first`` in either direction, in long volumes sometimes every other one only.

    Turns back at the volume's end.
    """
    stride = int(rng.choice([1, 1, 1, 2])) if count > 2 * frames else 1
    steps = stride * np.arange(frames) * int(rng.choice([-1, 1]))
    if not 0 <= first + steps[-1] < count:
        steps = -steps
    turns = max(count - 1, 1)
    folded = turns - np.abs(turns - np.abs(first + steps) % (2 * turns))
    return np.minimum(folded, count - 1)


def _close_part(rng: np.random.Generator, section: np.ndarray) -> np.ndarray:
    """What of a section (rows, columns) bool, not empty, lies near a random voxel of it."""
    row, column = np.maximum(rng.choice(np.argwhere(section)) - CLOSE_VOXELS // 2, 0)
    near = slice(row, row + CLOSE_VOXELS), slice(column, column + CLOSE_VOXELS)
    part = np.zeros_like(section)
    part[near] = section[near]
    return part


def aimed_field_of_view(rng: np.random.Generator, section: np.ndarray, grid: SliceGrid) -> FieldOfView:
    """One in which a section (rows, columns) bool, not empty, takes a random share of the side."""
    ends = [np.flatnonzero(section.any(axis=axis))[[0, -1]] for axis in (1, 0)]
    extent = max((last - first + 1) * step for (first, last), step in zip(ends, grid.spacing, strict=True))
    fill = np.exp(rng.uniform(np.log(SMALLEST_FILL), np.log(LARGEST_FILL)))
    whole = FieldOfView.whole(grid).side(grid)
    side = min(extent / fill, max(whole, extent / LARGEST_FILL))
    reach = SHIFT * max(side - extent, 0)
    middle = [
        float(np.mean(pair)) + rng.uniform(-reach, reach) / step
        for pair, step in zip(ends, grid.spacing, strict=True)
    ]
    return FieldOfView.around((middle[0], middle[1]), side, grid).inside(grid)


def _shows_enough(case: LabelledVolume, axis: str) -> bool:
    """Whether slices along an axis are fit to learn from: wide, and of voxels that are not too long."""
    try:
        check_axis(case.volume, axis)
    except InputError:
        return False
    spacing = case.volume.slice_spacing(axis)
    return max(spacing) <= MOST_ANISOTROPIC * min(spacing)
