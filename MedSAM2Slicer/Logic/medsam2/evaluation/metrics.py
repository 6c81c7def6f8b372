"""How well a predicted mask matches the true one."""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from medsam2.errors import InputError

TOLERANCE_MM = 2.0
"""Surfaces closer than this count as the same."""


@dataclass(frozen=True)
class Overlap:
    """Scores of one mask.

    Attributes:
        dice: volumetric Dice, 0 to 1; None where predicted and true mask are both empty.
        nsd: normalised surface Dice at 2 mm, 0 to 1; None likewise, and where surfaces are not measured.
        hd95: 95th percentile of the distances between the surfaces, in millimetres, the larger of both
            directions; None likewise, and where either mask is empty, which has no surface.
    """

    dice: float | None
    nsd: float | None
    hd95: float | None


def require_monai() -> None:
    """Raise InputError, which says how to install it, where MONAI is missing."""
    try:
        import monai.metrics  # noqa: F401
    except ImportError as error:
        raise InputError("Evaluation needs MONAI: run pip install monai first.") from error


def dice(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Volumetric Dice, 0 to 1, of a mask bool against the truth of the same shape, which is not empty."""
    return 2 * int((predicted & truth).sum()) / int(predicted.sum() + truth.sum())


def overlap(predicted: np.ndarray, truth: np.ndarray, spacing: tuple[float, float, float] | None) -> Overlap:
    """Scores of a mask (k, j, i) bool against the truth; ``spacing`` in millimetres along (k, j, i).

    Without a spacing, as where a tilted gantry left axes that are not at right angles, surfaces are not
    measured: NSD and HD95 are None.

    Empty masks: both empty is no success and no failure, so there is no score; the mask that is missing
    or too many has Dice 0 and NSD 0, and no HD95.

    NSD and HD95 are MONAI's. The surface has the area that its voxels' corners give it (marching cubes), as
    in the definition of NSD by Nikolov et al. (2021). A picture, of one slice, has outlines instead: as a
    volume most of its surface would be its two faces.
    """
    if not truth.any() or not predicted.any():
        score = 0.0 if truth.any() or predicted.any() else None
        return Overlap(score, None if spacing is None else score, None)
    if spacing is None:
        return Overlap(dice(predicted, truth), None, None)
    box = _surroundings(predicted | truth)
    flat = len(truth) == 1
    of_prediction, of_truth = (
        _batch_of_one(mask[box][0] if flat else mask[box]) for mask in (predicted, truth)
    )
    steps = [float(step) for step in (spacing[1:] if flat else spacing)]
    return Overlap(dice(predicted, truth), *_surface_scores(of_prediction, of_truth, steps))


def _batch_of_one(mask: np.ndarray) -> torch.Tensor:
    """A mask as MONAI takes it, with an axis for a batch and one for classes."""
    return torch.from_numpy(np.ascontiguousarray(mask))[None, None]


def _surroundings(mask: np.ndarray) -> tuple[slice, ...]:
    """The part of the volume that decides: surfaces need one voxel round the masks."""
    (box,) = ndimage.find_objects(mask.astype(np.uint8))
    return tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in box)


def _surface_scores(
    predicted: torch.Tensor, truth: torch.Tensor, spacing: list[float]
) -> tuple[float, float]:
    from monai.metrics import compute_hausdorff_distance, compute_surface_dice  # takes seconds

    with warnings.catch_warnings():
        # MONAI warns of arguments that it gives to itself.
        warnings.simplefilter("ignore", FutureWarning)
        nsd = compute_surface_dice(
            predicted, truth, [TOLERANCE_MM], include_background=True, spacing=spacing, use_subvoxels=True
        )
        hd95 = compute_hausdorff_distance(
            predicted, truth, include_background=True, percentile=95, spacing=spacing
        )
    return float(nsd), float(hd95)
