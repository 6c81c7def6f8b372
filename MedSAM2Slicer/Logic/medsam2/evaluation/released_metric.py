"""The metric of the released MedSAM-2 code, for comparison with what others report.

It is lenient: slices without the object, found or not looked for, count as 1. Nothing else uses it.
Source: ``func_3d/utils.py`` and ``func_2d/utils.py``, ``eval_seg``, of ImprintLab/Medical-SAM2.
"""

from collections.abc import Sequence

import numpy as np

from medsam2.evaluation.answers import Answers

LABEL = "lenient (as released MedSAM-2)"
VOLUME_THRESHOLDS = (0.1, 0.3, 0.5, 0.7, 0.9)
PICTURE_THRESHOLDS = (0.5,)
"""Of logits, not of probabilities. Pictures are binarised at 0.5 before the others are tried."""
DICE_SMOOTHING, IOU_SMOOTHING = 1e-4, 1e-6


def lenient_scores(
    answers: Answers, truths: dict[int, np.ndarray], thresholds: Sequence[float]
) -> tuple[float, float]:
    """Dice and IoU, each the mean over slices and thresholds.

    Args:
        answers: what was tracked; a slice that was never answered is empty.
        truths: true mask (rows, columns) bool by slice.
        thresholds: of the logits.
    """
    pairs = [
        _dice_and_iou(answers.mask(index, threshold), truth)
        for index, truth in truths.items()
        for threshold in thresholds
    ]
    dice, iou = np.mean(pairs, axis=0)
    return float(dice), float(iou)


def _dice_and_iou(predicted: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    both, sizes = int((predicted & truth).sum()), int(predicted.sum()) + int(truth.sum())
    dice = (2 * both + DICE_SMOOTHING) / (sizes + DICE_SMOOTHING)
    return dice, (both + IOU_SMOOTHING) / (sizes - both + IOU_SMOOTHING)
