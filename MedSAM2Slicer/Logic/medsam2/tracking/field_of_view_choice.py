"""Choosing the field of view on the prompted slice, and following the object with it."""

from dataclasses import dataclass
from itertools import pairwise
from math import log2

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from medsam2.errors import InputError
from medsam2.model.segmentation_network import ImageFeatures, MaskPrediction
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.slice_grid import SliceGrid

from .drawn_lines import as_points
from .field_of_view import FieldOfView
from .slice_network import SliceNetwork, inference

ZOOMS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""Fields of view tried: the whole slice's side divided by each."""
SMALL_PENALTY, MISSED_PENALTY = 0.15, 0.5
"""Taken from the predicted IoU of a mask that is too small in its field of view to be trusted; and in full of
one that misses all positive clicks and covers all negative ones, else by their share."""
CUT_PENALTY = 0.5
"""Taken in full from a mask that covers all of its border; from others by the share they cover."""
AGREEMENT_BONUS = 0.5
"""Given in full to a field of view whose mask is the same as those of the next wider and the next closer one.
The predicted IoU alone is easily deceived: from a click in something small, a wide field of view segments its
large neighbour, and is sure of it."""
BOX_BONUS = 1.0
"""Given in full to a mask that fills its box, from side to side both ways, and does not leave it."""
CLOSENESS_BONUS = 0.05
"""Given for every halving of the side that shows more of the voxels, and does not just enlarge them."""
SMALL_PIXELS = 60
"""A mask of fewer pixels of the network's image is too small."""
PROMPT_SHARE = 0.85
"""A field of view is at least so large that prompts fill no more of its side than this."""
NEAR_BORDER, FILLED = 0.06, 0.8
"""The field of view moves when the mask is within this share of a border, and widens when it fills a side."""
ROOMY, TINY = 0.6, 0.12
"""Share of the side that the mask takes in a field of view made for it, and below which that one narrows."""
MOST_SIDE = 2.0
"""Longest side that a person may ask for, as a share of the slice's longer one."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """An answer to a prompt in one field of view: logits (L, L), and the mask that they make."""

    field_of_view: FieldOfView
    mask: PlacedMask
    iou: float
    logits: np.ndarray


def candidate_fields_of_view(prompt: Prompt, grid: SliceGrid) -> list[FieldOfView]:
    """Fields of view of several sizes round a prompt, the whole slice first; each shows all of the prompt."""
    (row0, row1), (column0, column1) = _extent(prompt)
    whole = FieldOfView.whole(grid)
    side = whole.side(grid)
    least = max((row1 - row0) * grid.spacing[0], (column1 - column0) * grid.spacing[1]) / PROMPT_SHARE
    centre = ((row0 + row1) / 2, (column0 + column1) / 2)
    zoomed = [
        FieldOfView.around(centre, side / zoom, grid).inside(grid)
        for zoom in ZOOMS[1:]
        if side / zoom >= least
    ]
    return [whole, *zoomed]


def prompt_field_of_view(prompt: Prompt, side: float, grid: SliceGrid) -> FieldOfView:
    """A field of view of a given side in millimetres about a prompt."""
    (row0, row1), (column0, column1) = _extent(prompt)
    return FieldOfView.around(((row0 + row1) / 2, (column0 + column1) / 2), side, grid).inside(grid)


def check_side(side: float, grid: SliceGrid) -> None:
    """Raise InputError for a field of view, of a side in millimetres, that is far larger than the slice."""
    most = MOST_SIDE * FieldOfView.whole(grid).side(grid)
    if not side <= most:
        raise InputError(
            f"A field of view of {side:g} mm is far larger than the slice: give a side up to {most:g} mm."
        )


def mask_field_of_view(mask: PlacedMask, grid: SliceGrid) -> FieldOfView:
    """The field of view that suits a mask given by a person."""
    tight = mask.tightened()
    side = _extent_mm(tight, grid) / ROOMY
    whole = FieldOfView.whole(grid).side(grid)
    return FieldOfView.around(_centre(tight), min(max(side, whole / ZOOMS[-1]), whole), grid).inside(grid)


def _extent_mm(mask: PlacedMask, grid: SliceGrid) -> float:
    return max(mask.height * grid.spacing[0], mask.width * grid.spacing[1])


def _centre(mask: PlacedMask) -> tuple[float, float]:
    return mask.row + (mask.height - 1) / 2, mask.column + (mask.width - 1) / 2


def _extent(prompt: Prompt) -> tuple[tuple[float, float], tuple[float, float]]:
    rows, columns = zip(*prompt.corners(), strict=True)
    return (min(rows), max(rows)), (min(columns), max(columns))


def best_field_of_view(
    candidates: list[Candidate], prompt: Prompt, grid: SliceGrid, image_size: int
) -> FieldOfView:
    """That of the most convincing of the answers in several fields of view, widest first."""
    scores = [_score(candidate, prompt, grid, image_size) for candidate in candidates]
    agreements = [_agreement(wide, close, grid.shape) for wide, close in pairwise(candidates)]
    widest = max(candidates[0].field_of_view.rows, image_size)
    for index, candidate in enumerate(candidates):
        beside = agreements[max(index - 1, 0) : index + 1]
        scores[index] += AGREEMENT_BONUS * sum(beside) / max(len(beside), 1)
        scores[index] += CLOSENESS_BONUS * log2(widest / max(candidate.field_of_view.rows, image_size))
    return candidates[scores.index(max(scores))].field_of_view


def _score(candidate: Candidate, prompt: Prompt, grid: SliceGrid, image_size: int) -> float:
    """Predicted IoU, with the bonus and the penalties that need no other field of view."""
    pixels = (candidate.logits > 0).sum() * (image_size / candidate.logits.shape[0]) ** 2
    score = candidate.iou - CUT_PENALTY * _cut_share(candidate, grid.shape)
    if pixels < SMALL_PIXELS:
        score -= SMALL_PENALTY
    filled = _filled(candidate.mask)
    missed = [filled.covers(row, column, grid) != positive for row, column, positive in prompt.points]
    if missed:
        score -= MISSED_PENALTY * sum(missed) / len(missed)
    if prompt.box is not None:
        score += BOX_BONUS * _box_fit(candidate.mask, prompt.box)
    return score


def _box_fit(mask: PlacedMask, box: tuple[float, float, float, float]) -> float:
    """IoU of a mask's bounding box and the box that a person drew."""
    low, high = np.sort(np.reshape(box, (2, 2)), axis=0)
    first = np.array([mask.row, mask.column]) - 0.5
    last = first + np.array([mask.height, mask.width])
    shared = np.prod(np.clip(np.minimum(high, last) - np.maximum(low, first), 0, None))
    return float(shared / (np.prod(high - low) + np.prod(last - first) - shared))


def _filled(mask: PlacedMask) -> PlacedMask:
    """The mask with what it encloses: a click in the marrow means the bone."""
    # With a rim, as holes end where the mask does; only the mask's box is filled, a slice takes long.
    filled = ndimage.binary_fill_holes(np.pad(mask.voxels, 1))[1:-1, 1:-1]
    return PlacedMask.packed(filled, mask.row, mask.column)


def _cut_share(candidate: Candidate, shape: tuple[int, int]) -> float:
    """Share of the field of view's border that the mask covers where the slice goes on beyond it."""
    field_of_view = candidate.field_of_view
    shown = field_of_view.cut(candidate.mask.full(shape))
    edges = [
        (shown[0], field_of_view.row > 0),
        (shown[-1], field_of_view.row + field_of_view.rows < shape[0]),
        (shown[:, 0], field_of_view.column > 0),
        (shown[:, -1], field_of_view.column + field_of_view.columns < shape[1]),
    ]
    covered = sum(int(edge.sum()) for edge, goes_on in edges if goes_on)
    return covered / (2 * (field_of_view.rows + field_of_view.columns))


def _agreement(wide: Candidate, close: Candidate, shape: tuple[int, int]) -> float:
    """Dice of two masks within the closer one's field of view."""
    one, other = (close.field_of_view.cut(each.mask.full(shape)) for each in (wide, close))
    total = one.sum() + other.sum()
    return float(2 * (one & other).sum() / total) if total else 0.0


def _nears_border(field_of_view: FieldOfView, mask: PlacedMask, shape: tuple[int, int]) -> bool:
    """Whether a mask is near a side of its field of view where the slice goes on."""
    for first, size, start, length, total in (
        (field_of_view.row, field_of_view.rows, mask.row, mask.height, shape[0]),
        (field_of_view.column, field_of_view.columns, mask.column, mask.width, shape[1]),
    ):
        margin = NEAR_BORDER * size
        if first > 0 and start - first < margin:
            return True
        if first + size < total and first + size - (start + length) < margin:
            return True
    return False


def following_field_of_view(before: FieldOfView, mask: PlacedMask, grid: SliceGrid) -> FieldOfView:
    """That for the slice after a mask: as ``before``, unless the object outgrew, left or shrank in it."""
    if mask.is_empty:
        return before
    side = before.side(grid)
    whole = FieldOfView.whole(grid).side(grid)
    extent = _extent_mm(mask, grid)
    is_tiny = extent < TINY * side and side > whole / ZOOMS[-1]
    if not (is_tiny or _nears_border(before, mask, grid.shape)):
        return before
    if is_tiny:
        side = max(side / 2, whole / ZOOMS[-1])
    elif extent > FILLED * side:
        side = min(extent / ROOMY, whole)
    moved = FieldOfView.around(_centre(mask), side, grid).inside(grid)
    return FieldOfView.whole(grid) if side >= whole else moved


class FieldOfViewChooser:
    """Tries fields of view of several sizes on a prompted slice and takes the most convincing.

    Args:
        seen: network that answers the prompt in each field of view; need not be the one that tracks.
    """

    def __init__(self, seen: SliceNetwork):
        self._seen = seen

    def choose(self, prompt: Prompt) -> FieldOfView:
        """That in which the network answers a prompt, as drawn on a slice without a mask, best."""
        slices = self._seen.slices
        grid = slices.grid(prompt.slice_index)
        prompt = as_points(prompt, grid, None, self._seen.network.config.stroke_points)
        tried = candidate_fields_of_view(prompt, grid)
        with inference(self._seen.network):
            answers = self._decode(prompt, tried)
        candidates = [
            _candidate(field_of_view, logits[0].float().cpu(), float(iou), grid.shape)
            for field_of_view, logits, iou in zip(tried, answers.logits, answers.iou, strict=True)
        ]
        return best_field_of_view(candidates, prompt, grid, self._seen.image_size)

    def _decode(self, prompt: Prompt, tried: list[FieldOfView]) -> MaskPrediction:
        """Answers in all fields of view, as one batch: one by one takes twice as long."""
        network = self._seen.network
        each = self._seen.features.get_several([(prompt.slice_index, each) for each in tried])
        features = ImageFeatures.joined(each)
        points = [self._seen.points(prompt, field_of_view) for field_of_view in tried]
        pixels, labels = (torch.cat(part) for part in zip(*points, strict=True))
        conditioned = network.condition(features.s16, None)
        return network.decode(features, conditioned, pixels, labels, ambiguous=prompt.is_ambiguous)


def _candidate(field_of_view: FieldOfView, logits: Tensor, iou: float, shape: tuple[int, int]) -> Candidate:
    return Candidate(field_of_view, field_of_view.mask_on_slice(logits, shape), iou, logits.numpy())
