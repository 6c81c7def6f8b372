"""Prompts from the command line: points, boxes, masks and prompt files, as objects to track."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jsonschema
import numpy as np

from medsam2.errors import InputError
from medsam2.resource_files import resource_path
from medsam2.volume import Prompt, Volume, VolumeSlices

Color = tuple[float, float, float]
MOST_LABELS = 255
"""A mask with more values than this is taken for an image given by mistake."""

PALETTE: tuple[Color, ...] = (
    (0.95, 0.55, 0.20),
    (0.30, 0.75, 0.93),
    (0.55, 0.83, 0.35),
    (0.91, 0.40, 0.62),
    (0.98, 0.83, 0.30),
    (0.60, 0.52, 0.90),
    (0.25, 0.72, 0.62),
    (0.85, 0.36, 0.30),
)


@dataclass(frozen=True)
class PromptedObject:
    """One object to segment: its name, its colour, and its prompts, one for each prompted slice."""

    name: str
    color: Color
    prompts: list[Prompt] = field(default_factory=list)


class Placer:
    """Turns coordinates that people give into places on the slices of a volume.

    Args:
        slices: the volume along the axis of tracking.
        ijk: coordinates are voxel indices i, j, k as Slicer shows them, rather than RAS millimetres.
    """

    def __init__(self, slices: VolumeSlices, ijk: bool):
        self.slices = slices
        self._ijk = ijk

    def place(self, numbers: Sequence[float]) -> tuple[int, float, float]:
        """Slice, row and column of three coordinates."""
        geometry = self.slices.volume.geometry
        given = np.array(numbers, float)
        kji = given[::-1] if self._ijk else geometry.ras_to_kji(given)
        if not geometry.contains(kji):
            text, (low, high) = ", ".join(f"{number:g}" for number in given), self._limits()
            raise InputError(
                f"The point {text} lies outside the volume, which reaches from {low} to {high}: check the "
                f"coordinates and whether they are {'i, j, k' if self._ijk else 'R, A, S in millimetres'}."
            )
        return self.slices.place(kji)

    def _limits(self) -> tuple[str, str]:
        geometry = self.slices.volume.geometry
        corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(geometry.shape) - 1)
        places = corners[:, ::-1] if self._ijk else geometry.kji_to_ras(corners)
        return tuple(
            ", ".join(f"{number:.0f}" for number in limit)
            for limit in (places.min(axis=0), places.max(axis=0))
        )

    def prompts(
        self, points: Iterable[tuple[list[float], bool]], box: Sequence[float] | None
    ) -> list[Prompt]:
        """One prompt for each slice that the points and the box lie on; not from background clicks alone."""
        points = list(points)
        if box is None and not any(positive for _, positive in points):
            raise InputError("All points are background: add a point on the object, or a box round it.")
        by_slice: dict[int, list[tuple[float, float, bool]]] = {}
        for numbers, positive in points:
            index, row, column = self.place(numbers)
            by_slice.setdefault(index, []).append((row, column, positive))
        boxes = {}
        if box is not None:
            (index, row0, column0), (other, row1, column1) = self.place(box[:3]), self.place(box[3:])
            if index != other:
                raise InputError(
                    f"The corners of the box lie on slices {index} and {other}: give both on one slice."
                )
            boxes[index] = (row0, column0, row1, column1)
        return [
            Prompt(index, tuple(by_slice.get(index, ())), boxes.get(index))
            for index in sorted({*by_slice, *boxes})
        ]


def objects_from_options(
    slices: VolumeSlices,
    points: Sequence[str],
    box: str | None,
    mask: Path | None,
    prompts: Path | None,
    ijk: bool,
) -> list[PromptedObject]:
    """The objects that the options of ``medsam2 segment`` describe; exactly one kind of prompt."""
    given = [bool(points) or box is not None, mask is not None, prompts is not None]
    if sum(given) != 1:
        raise InputError("Say what to segment: give --point and/or --box, or --mask, or --prompts.")
    if mask is not None:
        return _from_mask(slices, mask)
    if prompts is not None:
        return _from_file(slices, prompts)
    placed = Placer(slices, ijk).prompts(map(parse_point, points), None if box is None else parse_box(box))
    return [PromptedObject("Segment_1", PALETTE[0], placed)]


def parse_point(text: str) -> tuple[list[float], bool]:
    """``"R,A,S"`` or ``"R,A,S,-"``: three numbers, and whether the click is positive."""
    parts = [part.strip() for part in text.split(",")]
    positive = True
    if len(parts) == 4 and parts[3] in ("+", "-"):
        positive = parts.pop() == "+"
    return _numbers(parts, 3, f"--point {text} is not R,A,S or R,A,S,+ or R,A,S,- with numbers."), positive


def parse_box(text: str) -> list[float]:
    """``"R,A,S,R,A,S"``: two opposite corners."""
    return _numbers(text.split(","), 6, f"--box {text} is not two corners R,A,S,R,A,S of six numbers.")


def _numbers(parts: Sequence[str], count: int, message: str) -> list[float]:
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise InputError(message)
    return numbers


def _from_mask(slices: VolumeSlices, path: Path) -> list[PromptedObject]:
    """Every label of a mask is an object, prompted on every slice that carries the label."""
    labels = Volume.read(path)
    grid = slices.volume.geometry
    same = labels.geometry.shape == grid.shape and np.allclose(
        labels.geometry.ijk_to_ras, grid.ijk_to_ras, atol=1e-3
    )
    if not same:
        raise InputError(
            "The mask is on another grid than the image: resample it to the image's spacing, size and origin."
        )
    values = [value for value in np.unique(labels.voxels) if value]
    if len(values) > MOST_LABELS:
        raise InputError(
            f"The mask {path.name} holds {len(values)} different values, as an image does: give labels, "
            "0 where there is no object."
        )
    if not values:
        raise InputError("The mask is empty: label the object on at least one slice.")
    objects = []
    for number, value in enumerate(values):
        planes = np.moveaxis(labels.voxels == value, slices.axis_index, 0)
        prompts = [
            Prompt(int(index), mask=planes[index]) for index in np.flatnonzero(planes.any(axis=(1, 2)))
        ]
        objects.append(PromptedObject(f"Segment_{number + 1}", PALETTE[number % len(PALETTE)], prompts))
    return objects


def _from_file(slices: VolumeSlices, path: Path) -> list[PromptedObject]:
    """Objects of a prompt file; ``Resources/prompts.schema.json`` describes its form."""
    document = _read_json(path)
    placer = Placer(slices, document["space"] == "ijk")
    objects = []
    for number, entry in enumerate(document["objects"]):
        points = [(point[:3], point[3:] != ["-"]) for point in entry.get("points", [])]
        color = tuple(entry.get("color", PALETTE[number % len(PALETTE)]))
        objects.append(PromptedObject(entry["name"], color, placer.prompts(points, entry.get("box"))))
    names = [entry.name for entry in objects]
    if len(set(names)) < len(names):
        raise InputError(f"{path.name} gives two objects the same name: rename one of them.")
    return objects


def _read_json(path: Path) -> dict:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The prompt file {path} cannot be read: check its name.") from error
    except ValueError as error:
        raise InputError(f"The prompt file {path} is not JSON: {error}.") from error
    schema = json.loads(resource_path("prompts.schema.json").read_text(encoding="utf-8"))
    problem = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(document))
    if problem is not None:
        missing = problem.validator == "anyOf"  # the schema's only one
        fault = "it needs points, a box, or both" if missing else problem.message
        raise InputError(f"The prompt file {path} is wrong at {problem.json_path}: {fault}.")
    return document
