"""Slices to look at: truth and prediction, cropped and hung for display."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medsam2.evaluation.one_prompt import SetResult
from medsam2.evaluation.protocols import Stage
from medsam2.prompt import Prompt
from medsam2.volume import Hanging, ImageSet, VolumeSlices, hanging

MARGIN, LEAST = 0.35, 48
"""Round both masks: this share of their extent; and the voxels that are shown at least."""
AS_STORED = Hanging(False, False, False, ("", "", "", ""))


@dataclass(frozen=True, eq=False)
class Panel:
    """One slice as displayed.

    Attributes:
        title: where it lies.
        image: (rows, columns) float32 in [0, 1].
        truth, predicted: (rows, columns) bool.
        points: clicks as (x, y, positive).
        box: (x, y) of two opposite corners, or None.
        lines: (x, y) along each stroke, and along each lasso back to its first position.
        aspect: height of a pixel over its width.
        letters: the patient's side at the left, right, top and bottom edge.
    """

    title: str
    image: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray
    points: list[tuple[float, float, bool]]
    box: tuple[tuple[float, float], tuple[float, float]] | None
    lines: list[list[tuple[float, float]]]
    aspect: float
    letters: tuple[str, str, str, str]


Snapshot = list[Panel]


def volume_snapshot(slices: VolumeSlices, stage: Stage, truth: np.ndarray) -> Snapshot:
    """The slice prompted first, and the one with the most wrong voxels."""
    hung = hanging(slices.volume.geometry, slices.axis)
    wrong = (stage.mask ^ truth).sum(axis=(1, 2))
    titles = {stage.prompts[0].slice_index: "prompted first"}
    if wrong.max():
        titles.setdefault(int(wrong.argmax()), "largest error")
    steps = slices.grid(0).spacing
    return [
        _panel(
            f"slice {index}, {why}",
            slices.pixels(index),
            (truth[index], stage.mask[index]),
            [prompt for prompt in stage.prompts if prompt.slice_index == index],
            hung,
            steps[1] / steps[0] if hung.transpose else steps[0] / steps[1],
        )
        for index, why in titles.items()
    ]


def set_snapshot(images: ImageSet, result: SetResult, index: int) -> Snapshot:
    """The template with its box, and one other picture."""
    titles = {result.template: "the template", index: "segmented after it"}
    return [
        _panel(
            title,
            images.pixels(index),
            (result.truths[index], result.answers.mask(index)),
            [result.prompt] if index == result.template else [],
            AS_STORED,
            1.0,
        )
        for index, title in titles.items()
    ]


def _panel(
    title: str,
    image: np.ndarray,
    masks: tuple[np.ndarray, np.ndarray],
    prompts: Sequence[Prompt],
    hung: Hanging,
    aspect: float,
) -> Panel:
    corners = [corner for prompt in prompts for corner in prompt.corners()]
    crop = _crop(masks[0] | masks[1], corners)
    shape = crop[0].stop - crop[0].start, crop[1].stop - crop[1].start

    def in_crop(row: float, column: float) -> tuple[float, float]:
        return hung.turned_point(row - crop[0].start, column - crop[1].start, shape)

    truth, predicted = (hung.turned(mask[crop]).copy() for mask in masks)
    points = [(*in_crop(row, column), positive) for p in prompts for row, column, positive in p.points]
    boxes = [(in_crop(*p.box[:2]), in_crop(*p.box[2:])) for p in prompts if p.box is not None]
    box = boxes[0] if boxes else None
    strokes = [line.positions for p in prompts for line in p.strokes]
    lassos = [line.positions + line.positions[:1] for p in prompts for line in p.lassos]
    lines = [[in_crop(*place) for place in line] for line in strokes + lassos]
    shown = hung.turned(image[crop]).copy()
    return Panel(title, shown, truth, predicted, points, box, lines, aspect, hung.letters)


def _crop(covered: np.ndarray, corners: list[tuple[float, float]]) -> tuple[slice, slice]:
    """A square part of the slice round what is covered and the corners."""
    spots = np.array([*np.argwhere(covered), *corners]) if covered.any() or corners else np.argwhere(~covered)
    low, high = spots.min(axis=0), spots.max(axis=0)
    half = max(LEAST / 2, (0.5 + MARGIN) * (high - low).max())
    middle = (low + high) / 2
    first = np.clip(np.floor(middle - half), 0, None).astype(int)
    last = np.minimum(np.ceil(middle + half).astype(int) + 1, covered.shape)
    return slice(first[0], last[0]), slice(first[1], last[1])
