"""What a person should know of a result: doubtful slices, slices that clicks emptied, what was not found."""

from typing import Any

import numpy as np

from medsam2.cli.prompt_options import PromptedObject
from medsam2.cli.segmentation import Result
from medsam2.errors import note
from medsam2.orientations import Orientations, other_axes
from medsam2.prompt import Prompt
from medsam2.slice_grid import SliceGrid
from medsam2.volume import VolumeSlices

NEARBY = 2
"""Voxels round a point. Of clicks in the air round a patient all saw one brightness within these, of clicks
in organs and lesions 5 of 125, most of them in gas."""


def doubts(entry: PromptedObject, result: Result) -> dict[str, Any]:
    """Of one object: whether it was found, doubtful slices, and slices with background points left empty."""
    reached = result.confidence[entry.name]
    only_background = [prompt.slice_index for prompt in entry.prompts if not prompt.shows_object]
    return {
        "found": bool(result.masks[entry.name].any()),
        "doubtful_slices": result.doubtful(entry.name),
        "emptied_slices": sorted(i for i in only_background if i in reached and not reached[i].present),
    }


def doubt_lines(row: dict[str, Any]) -> list[str]:
    """The doubts in an object's row of the summary, as sentences for people."""
    lines, doubtful, emptied = [], row["doubtful_slices"], row["emptied_slices"]
    if not row["found"]:
        lines.append("nothing was found here: check where the prompts lie")
    if doubtful:
        lines.append(f"doubtful, so look at {listed(doubtful)}")
    if emptied:
        lines.append(f"empty where there are background points only, and beyond: {listed(emptied)}")
    return [f"  {line}" for line in lines]


def listed(indices: list[int], word: str = "slice") -> str:
    """Such as ``slices 3 to 5, 9``; ``indices`` rise."""
    stretches: list[list[int]] = []
    for index in indices:
        if stretches and index == stretches[-1][-1] + 1:
            stretches[-1].append(index)
        else:
            stretches.append([index])
    texts = [str(one[0]) if len(one) == 1 else f"{one[0]} to {one[-1]}" for one in stretches]
    return f"{word}{'s' * (len(indices) > 1)} {', '.join(texts)}"


def note_unseen(slices: VolumeSlices, entry: PromptedObject) -> None:
    """Tell the user where a prompt shows the network nothing but one brightness."""
    unseen = {prompt.slice_index for prompt in entry.prompts if _shows_nothing(slices, prompt)}
    if unseen:
        window = f"{slices.window.lower:g} to {slices.window.upper:g}"
        note(
            f"At the prompts of {entry.name} on {listed(sorted(unseen))} the image has one brightness only "
            f"(window {window}), as in air or in an empty image, so what is found there may mean nothing: "
            "check where they lie, or choose another --window."
        )


def note_out_of_range(entry: PromptedObject, first: int, last: int) -> None:
    """Tell the user where slices are prompted and left out."""
    outside = {prompt.slice_index for prompt in entry.prompts if not first <= prompt.slice_index <= last}
    if outside:
        note(
            f"{entry.name} gets no mask on {listed(sorted(outside))}, where prompts are, as the range goes "
            f"from {first} to {last}: give a wider one if that was not meant."
        )


def note_coarse(slices: VolumeSlices, orientations: Orientations) -> None:
    """Tell the user which axes are too coarse for several orientations."""
    if orientations == 1:
        return
    volume = slices.volume
    for each in other_axes(volume.voxels.shape, volume.geometry.spacing, slices.axis)[1]:
        (rows, columns), (height, width) = each.shape, each.spacing
        note(
            f"Slices along {each.axis} are too coarse to track along ({rows} x {columns} voxels of "
            f"{height:.3g} x {width:.3g} mm), so --orientations {orientations} goes without them."
        )


def _shows_nothing(slices: VolumeSlices, prompt: Prompt) -> bool:
    """Whether a box, or the surroundings of all that is positive, have one brightness."""
    if prompt.box is not None:
        (row0, row1), (column0, column1) = sorted(prompt.box[0::2]), sorted(prompt.box[1::2])
        parts = [(row0, row1, column0, column1)]
    else:
        parts = [
            (row - NEARBY, row + NEARBY, column - NEARBY, column + NEARBY)
            for row, column, positive in prompt.points
            if positive
        ]
        parts += [
            (rows.min() - NEARBY, rows.max() + NEARBY, columns.min() - NEARBY, columns.max() + NEARBY)
            for rows, columns in (np.transpose(line.positions) for line in prompt.lines if line.positive)
        ]
    if not parts:
        return False
    grid, pixels = slices.grid(prompt.slice_index), slices.pixels(prompt.slice_index)
    return all(np.ptp(_part(pixels, grid, *part)) == 0 for part in parts)


def _part(
    pixels: np.ndarray, grid: SliceGrid, row0: float, row1: float, column0: float, column1: float
) -> np.ndarray:
    """The voxels between two rows and two columns, at least one."""
    (top, left), (bottom, right) = grid.voxel(row0, column0), grid.voxel(row1, column1)
    return pixels[top : bottom + 1, left : right + 1]
