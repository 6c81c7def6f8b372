"""Prompts from the command line: points, boxes, lines, masks and prompt files, as objects to track."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from medsam2.cli.coordinates import Coordinates, GivenLine, GivenPrompts, parse_box, parse_line, parse_point
from medsam2.cli.prompt_file import read_prompt_file
from medsam2.errors import InputError
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.volume import PALETTE, Color, Segment, VolumeSlices, check_segment_name, read_segments

DEFAULT_NAME = "Segment_1"


@dataclass(frozen=True)
class PromptedObject:
    """One object to segment.

    Attributes:
        name, color: how it is shown; no two objects have the same name.
        prompts: one for each prompted slice.
        label: its value in a labelmap.
        span: first and last slice that it is known to lie on, between which it is tracked; None for all.
    """

    name: str
    color: Color
    prompts: list[Prompt] = field(default_factory=list)
    label: int = 1
    span: tuple[int, int] | None = None


@dataclass(frozen=True)
class PromptOptions:
    """The options of ``medsam2 segment`` that say what to segment, as typed."""

    points: Sequence[str] = ()
    box: str | None = None
    strokes: Sequence[str] = ()
    lassos: Sequence[str] = ()
    mask: Path | None = None
    prompts: Path | None = None
    name: str | None = None
    ijk: bool = False

    @property
    def are_by_hand(self) -> bool:
        """Whether points, a box or lines are given."""
        return bool(self.points or self.strokes or self.lassos) or self.box is not None

    def given(self) -> GivenPrompts:
        """The points, the box and the lines; InputError for one that is none."""
        return GivenPrompts(
            [parse_point(text, self.ijk) for text in self.points],
            None if self.box is None else parse_box(self.box, self.ijk),
            [parse_line("--stroke", text, self.ijk) for text in self.strokes],
            [parse_line("--lasso", text, self.ijk) for text in self.lassos],
        )


def check_prompt_options(options: PromptOptions) -> None:
    """Refuse what is wrong whatever the image, before it is read.

    Raises:
        InputError: there is not exactly one kind of prompt, or something in it is wrong.
    """
    by_hand = options.are_by_hand
    kinds = [by_hand, options.mask is not None, options.prompts is not None].count(True)
    if kinds == 0:
        raise InputError(
            "Say what to segment: give --point, --box, --stroke and --lasso in any number, or --mask, or "
            "--prompts."
        )
    if kinds > 1:
        raise InputError("Give only one of these: points, boxes and lines, or --mask, or --prompts.")
    if options.ijk and not by_hand:
        raise InputError(
            "--ijk goes with --point, --box, --stroke and --lasso: a file says itself where its prompts are."
        )
    if options.name is not None and not by_hand:
        raise InputError(
            "--name goes with --point, --box, --stroke and --lasso: the names of other objects come with "
            "their file."
        )
    options.given()
    if options.name is not None:
        check_segment_name(options.name)
    if options.prompts is not None:
        read_prompt_file(options.prompts)


def objects_from_options(slices: VolumeSlices, options: PromptOptions) -> list[PromptedObject]:
    """The objects that options describe.

    Raises:
        InputError: there is not exactly one kind of prompt, or something in it is wrong.
    """
    check_prompt_options(options)
    if options.mask is not None:
        return _from_mask(slices, options.mask)
    if options.prompts is not None:
        return _from_file(slices, options.prompts)
    name = DEFAULT_NAME if options.name is None else check_segment_name(options.name)
    placed = Coordinates(slices, options.ijk).prompts(options.given())
    return [PromptedObject(name, PALETTE[0], placed.prompts, span=placed.span)]


def _from_mask(slices: VolumeSlices, path: Path) -> list[PromptedObject]:
    """Every segment of a mask is an object, prompted on every slice that carries it."""
    voxels = slices.volume.voxels
    segments = read_segments(path, slices.volume.geometry)
    if all((voxels[segment.mask] == segment.label).all() for segment in segments):
        raise InputError(f"The mask {path.name} holds the same numbers as the image: give labels of objects.")
    labels = labels_of_their_own(segments)
    return [
        PromptedObject(segment.name, segment.color, _painted(slices, segment.mask), label)
        for segment, label in zip(segments, labels, strict=True)
    ]


def _painted(slices: VolumeSlices, mask: np.ndarray) -> list[Prompt]:
    planes = np.moveaxis(mask, slices.axis_index, 0)
    return [
        Prompt(int(index), mask=PlacedMask.cropped(planes[index]))
        for index in np.flatnonzero(planes.any(axis=(1, 2)))
    ]


def labels_of_their_own(segments: Sequence[Segment]) -> list[int]:
    """A label for each segment: its own, or the smallest free one where an earlier segment has it."""
    given = {segment.label for segment in segments if segment.label is not None}
    free = (label for label in range(1, 2 * len(segments) + 1) if label not in given)
    labels: list[int] = []
    for segment in segments:
        own = segment.label
        labels.append(next(free) if own is None or own in labels else own)
    return labels


def _from_file(slices: VolumeSlices, path: Path) -> list[PromptedObject]:
    document = read_prompt_file(path)
    coordinates = Coordinates(slices, document["space"] == "ijk")
    objects = []
    for number, entry in enumerate(document["objects"]):
        try:
            objects.append(_object_of_file(coordinates, entry, number))
        except InputError as error:
            raise InputError(f"The prompt file {path} is wrong at $.objects[{number}]. {error}") from error
    names = [entry.name for entry in objects]
    if len(set(names)) < len(names):
        raise InputError(f"{path.name} gives two objects the same name: rename one of them.")
    return objects


def _object_of_file(coordinates: Coordinates, entry: dict[str, Any], number: int) -> PromptedObject:
    points = [_point_of_file(point) for point in entry.get("points", [])]
    box = entry.get("box")
    if box is not None and len(box) == 5:
        raise InputError("A box has six numbers, or four on a 2D image: correct it.")
    color = tuple(entry.get("color", PALETTE[number % len(PALETTE)]))
    strokes, lassos = (
        [GivenLine(line["positions"], line.get("positive", True)) for line in entry.get(kind, [])]
        for kind in ("strokes", "lassos")
    )
    placed = coordinates.prompts(GivenPrompts(points, box, strokes, lassos))
    return PromptedObject(check_segment_name(entry["name"]), color, placed.prompts, number + 1, placed.span)


def _point_of_file(point: Sequence[float | str]) -> tuple[list[float], bool]:
    """Coordinates of a point, and whether it is positive."""
    signed = isinstance(point[-1], str)
    given = point[:-1] if signed else point
    numbers = [number for number in given if not isinstance(number, str)]
    if not 2 <= len(given) <= 3 or len(numbers) < len(given):
        raise InputError(f"A point has three numbers, or two on a 2D image, and not {point}: correct it.")
    return numbers, not (signed and point[-1] == "-")
