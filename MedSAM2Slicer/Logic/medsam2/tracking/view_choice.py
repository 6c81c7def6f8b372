"""Choosing the field of view on the prompted slice, and following the object with it."""

from .prompts import Prompt
from .slice_mask import SliceMask
from .view import View

ZOOMS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""Views tried: the whole slice's side divided by each."""
BORDER_PENALTY, SMALL_PENALTY = 0.1, 0.15
"""Taken from the predicted IoU of a mask cut by its view's border, or too small in it to be trusted."""
SMALL_PIXELS = 60
"""A mask of fewer pixels of the network's image is too small."""
PROMPT_SHARE = 0.85
"""A view is at least so large that prompts fill no more of its side than this."""
NEAR_BORDER, FILLED = 0.06, 0.8
"""The view moves when the mask comes within this share of a border, and widens when it fills the side."""
ROOMY, TINY = 0.6, 0.12
"""Share of the side that the mask takes in a view made for it, and below which the view narrows."""


def candidate_views(prompt: Prompt, shape: tuple[int, int], spacing: tuple[float, float]) -> list[View]:
    """Views of several sizes round a prompt, the whole slice first; each shows all of the prompt."""
    (row0, row1), (column0, column1) = _extent(prompt)
    whole = View.whole(shape, spacing)
    side = whole.side(spacing)
    least = max((row1 - row0) * spacing[0], (column1 - column0) * spacing[1]) / PROMPT_SHARE
    centre = ((row0 + row1) / 2, (column0 + column1) / 2)
    zoomed = [
        View.around(centre, side / zoom, spacing).inside(shape) for zoom in ZOOMS[1:] if side / zoom >= least
    ]
    return [whole, *zoomed]


def prompt_view(prompt: Prompt, side: float, shape: tuple[int, int], spacing: tuple[float, float]) -> View:
    """A view of a given side in millimetres about a prompt."""
    (row0, row1), (column0, column1) = _extent(prompt)
    return View.around(((row0 + row1) / 2, (column0 + column1) / 2), side, spacing).inside(shape)


def mask_view(prompt: Prompt, shape: tuple[int, int], spacing: tuple[float, float]) -> View:
    """The view that suits a mask given by a person."""
    (row0, row1), (column0, column1) = _extent(prompt)
    side = max((row1 - row0 + 1) * spacing[0], (column1 - column0 + 1) * spacing[1]) / ROOMY
    whole = View.whole(shape, spacing).side(spacing)
    return prompt_view(prompt, min(max(side, whole / ZOOMS[-1]), whole), shape, spacing)


def _extent(prompt: Prompt) -> tuple[tuple[float, float], tuple[float, float]]:
    rows, columns = zip(*prompt.corners(), strict=True)
    return (min(rows), max(rows)), (min(columns), max(columns))


def view_score(mask: SliceMask, shape: tuple[int, int], image_size: int) -> float:
    """How well a view suits its object: predicted IoU less the penalties."""
    pixels = (mask.logits > 0).sum() * (image_size / mask.logits.shape[0]) ** 2
    score = mask.iou
    if pixels < SMALL_PIXELS:
        score -= SMALL_PENALTY
    if any(_border_gaps(mask, shape, touching=True)):
        score -= BORDER_PENALTY
    return score


def _border_gaps(mask: SliceMask, shape: tuple[int, int], touching: bool = False) -> list[bool]:
    """For each side of the view, whether the mask is near it (or touches it) and the slice goes on there."""
    view, (height, width) = mask.view, mask.mask.shape
    if not mask.mask.size:
        return [False] * 4
    margins = (1, 1) if touching else (NEAR_BORDER * view.rows, NEAR_BORDER * view.columns)
    near = []
    for first, size, start, length, total, margin in (
        (view.row, view.rows, mask.row, height, shape[0], margins[0]),
        (view.column, view.columns, mask.column, width, shape[1], margins[1]),
    ):
        near.append(first > 0 and start - first < margin)
        near.append(first + size < total and first + size - (start + length) < margin)
    return near


def following_view(mask: SliceMask, shape: tuple[int, int], spacing: tuple[float, float]) -> View:
    """The view for the slice after ``mask``: the same one unless the object outgrew, left or shrank in it."""
    view, (height, width) = mask.view, mask.mask.shape
    if not mask.mask.size:
        return view
    side = view.side(spacing)
    whole = View.whole(shape, spacing).side(spacing)
    extent = max(height * spacing[0], width * spacing[1])
    is_tiny = extent < TINY * side and side > whole / ZOOMS[-1]
    if not (is_tiny or any(_border_gaps(mask, shape))):
        return view
    if is_tiny:
        side = max(side / 2, whole / ZOOMS[-1])
    elif extent > FILLED * side:
        side = min(extent / ROOMY, whole)
    centre = (mask.row + (height - 1) / 2, mask.column + (width - 1) / 2)
    moved = View.around(centre, side, spacing).inside(shape)
    return View.whole(shape, spacing) if side >= whole else moved
