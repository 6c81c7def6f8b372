"""The metric of the released MedSAM-2, slice by slice."""

import numpy as np
import pytest

from medsam2.evaluation.answers import Answers
from medsam2.evaluation.released_metric import PICTURE_THRESHOLDS, VOLUME_THRESHOLDS, lenient_scores
from medsam2.placed_mask import PlacedMask
from medsam2.tracking import FieldOfView, SliceMask
from unit.tracking.examples import volume_slices

TRUTH = np.zeros((4, 16, 16), bool)
TRUTH[1:3, 4:12, 4:12] = True


def answers(*levels: float) -> Answers:
    """Answers whose logits are a level within the truth's square, on slices 0, 1, … each."""
    found = Answers(volume_slices(TRUTH))
    for index, level in enumerate(levels):
        logits = np.where(TRUTH[1], level, -5).astype(np.float32)
        field_of_view = FieldOfView(0, 0, 16, 16)
        found.put(
            SliceMask(
                "a", index, PlacedMask.packed(TRUTH[1, 4:12, 4:12], 4, 4), 0.9, 5.0, field_of_view, logits
            )
        )
    return found


def test_slices_where_nothing_is_count_as_right():
    dice, iou = lenient_scores(answers(), dict(enumerate(TRUTH)), VOLUME_THRESHOLDS)
    assert dice == pytest.approx(0.5, abs=1e-4)
    assert iou == pytest.approx(0.5, abs=1e-4)


def test_every_threshold_counts():
    """Logits of 0.6 are above three of the five thresholds."""
    dice, iou = lenient_scores(answers(-5.0, 0.6, 9.0), dict(enumerate(TRUTH)), VOLUME_THRESHOLDS)
    assert dice == pytest.approx((1 + 3 / 5 + 1 + 1) / 4, abs=1e-4)
    assert iou == pytest.approx((1 + 3 / 5 + 1 + 1) / 4, abs=1e-4)


def test_pictures_have_one_threshold():
    dice, _ = lenient_scores(answers(-5.0, 0.6), {1: TRUTH[1]}, PICTURE_THRESHOLDS)
    assert dice == pytest.approx(1.0, abs=1e-4)


def test_half_an_object():
    half = TRUTH[1].copy()
    half[8:] = False
    dice, iou = lenient_scores(answers(-5.0, 9.0), {1: half}, VOLUME_THRESHOLDS)
    assert dice == pytest.approx(2 / 3, abs=1e-4)
    assert iou == pytest.approx(1 / 2, abs=1e-4)
