"""A rule that makes prompts: the place of each structure of a template is carried over in millimetres."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from medsam2.cli.prompt_options import PromptedObject, labels_of_their_own
from medsam2.errors import InputError, note
from medsam2.prompt import Prompt
from medsam2.slice_grid import nearest_voxels
from medsam2.volume import Color, Geometry, VolumeSlices, read_segments, read_volume

Carried = Literal["box", "slice"]
_ELSEWHERE = "where the template has it lies outside of the image"


@dataclass(frozen=True)
class Template:
    """A volume whose structures lie where those of the cases do, in the patient's coordinates.

    Attributes:
        volume, mask: its files.
        carried: ``box``, the box round each structure, from end to end of which it is tracked; or ``slice``,
            the box on its middle slice only, from which it is tracked through the whole volume.
    """

    volume: Path
    mask: Path
    carried: Carried = "box"


class _Structure(NamedTuple):
    """A segment; ``mask`` (k, j, i) begins at the voxel ``corner`` of the template."""

    name: str
    color: Color
    label: int
    corner: np.ndarray
    mask: np.ndarray


class _Structures(NamedTuple):
    geometry: Geometry
    all: tuple[_Structure, ...]


def carried_objects(slices: VolumeSlices, template: Template) -> list[PromptedObject]:
    """A prompted object for each structure of the template that meets the volume; notes the others.

    Raises:
        InputError: the template cannot be read, or none of its structures meets the volume.
    """
    structures = read_structures(template)
    objects, missing = [], []
    for structure in structures.all:
        places = structures.geometry.kji_to_ras(np.argwhere(structure.mask) + structure.corner)
        kji = slices.volume.geometry.ras_to_kji(places)
        kji = kji[slices.volume.geometry.contains(kji)]
        if not len(kji):
            missing.append(structure.name)
            continue
        middle = _near_the_middle(slices, kji, structures.geometry) if template.carried == "slice" else None
        prompt, span = _box(slices, kji if middle is None else middle)
        objects.append(
            PromptedObject(
                structure.name, structure.color, [prompt], structure.label, span if middle is None else None
            )
        )
    if not objects:
        raise InputError(
            f"The place {_ELSEWHERE} for {', '.join(missing)}: check that the coordinates of both scans "
            "agree, or give this case prompts of its own."
        )
    for name in missing:
        note(f"{name} is left out, as the place {_ELSEWHERE}.")
    return objects


def _near_the_middle(slices: VolumeSlices, kji: np.ndarray, template: Geometry) -> np.ndarray:
    """The positions that lie on the middle slice of a structure."""
    along = kji[:, slices.axis_index]
    middle = np.sort(along)[len(along) // 2]
    # Half a voxel of the template across these slices: so far a position of its slices reaches.
    to_case = np.linalg.inv(slices.volume.geometry.ijk_to_ras[:3, :3]) @ template.ijk_to_ras[:3, :3]
    half = np.abs(to_case[2 - slices.axis_index]).sum() / 2
    near = kji[np.abs(along - middle) <= max(half, 0.5)]
    near[:, slices.axis_index] = middle
    return near


def _box(slices: VolumeSlices, kji: np.ndarray) -> tuple[Prompt, tuple[int, int]]:
    """The box round positions on the slice in their middle, and the first and the last of their slices."""
    low, high = kji.min(axis=0), kji.max(axis=0)
    first, last = nearest_voxels((low[slices.axis_index], high[slices.axis_index])).astype(int).tolist()
    index = (first + last) // 2
    rows, columns = slices.volume.geometry.plane_axes(slices.axis)
    grid = slices.grid(index)
    top, bottom = _wide_enough(low[rows], high[rows], grid.shape[0])
    left, right = _wide_enough(low[columns], high[columns], grid.shape[1])
    return Prompt(index, box=(top, left, bottom, right)), (first, last)


def _wide_enough(low: float, high: float, count: int) -> tuple[float, float]:
    """At least a voxel wide, as a structure may be a single one; within ``count`` voxels."""
    lacking = max(0.0, 1 - (high - low)) / 2
    return max(low - lacking, -0.5), min(high + lacking, count - 0.5)


@lru_cache(maxsize=1)
def read_structures(template: Template) -> _Structures:
    """The structures of a template, kept for the next case.

    Raises:
        InputError: the volume or the mask cannot be read, or they do not fit.
    """
    geometry = read_volume(template.volume).geometry
    segments = read_segments(template.mask, geometry)
    structures = []
    for segment, label in zip(segments, labels_of_their_own(segments), strict=True):
        places = np.argwhere(segment.mask)
        corner, end = places.min(axis=0), places.max(axis=0) + 1
        inside = tuple(slice(*limits) for limits in zip(corner, end, strict=True))
        structures.append(_Structure(segment.name, segment.color, label, corner, segment.mask[inside].copy()))
    return _Structures(geometry, tuple(structures))
