"""Which negative clicks say that all of a mask is wrong."""

import numpy as np
import pytest

from medsam2.placed_mask import PlacedMask
from medsam2.tracking.rejection import is_rejected
from medsam2.volume import Prompt

# 9 x 15 voxels of a slice, of which the first is at row 10, column 20: a blob with a thin tail.
BLOB = np.zeros((9, 15), bool)
BLOB[:, :9] = True
BLOB[4, 9:] = True
MASK = PlacedMask("a", 3, 10, 20, BLOB)


def rejected(*points, box=None, mask=MASK, spacing=(1.0, 1.0)) -> bool:
    return is_rejected(mask, Prompt(3, points=points, box=box), (64, 80), spacing)


def test_a_negative_click_in_the_middle_rejects():
    assert rejected((14.0, 24.0, False))
    assert rejected((14.4, 23.6, False))


@pytest.mark.parametrize("place", [(10.0, 20.0), (12.0, 24.0), (14.0, 33.0), (2.0, 3.0), (40.0, 60.0)])
def test_a_negative_click_elsewhere_only_corrects(place):
    assert not rejected((*place, False))


def test_a_prompt_that_shows_the_object_never_rejects():
    middle = (14.0, 24.0, False)
    assert not rejected((14.0, 24.0, True))
    assert not rejected(middle, (12.0, 22.0, True))
    assert not rejected(middle, box=(10.0, 20.0, 18.0, 34.0))


def test_depth_is_in_millimetres():
    """Rows lie so close that all of the middle row is as deep as can be."""
    wide = PlacedMask("a", 3, 10, 20, np.ones((5, 15), bool))
    assert rejected((12.0, 22.0, False), mask=wide, spacing=(0.1, 1.0))
    assert not rejected((12.0, 22.0, False), mask=wide, spacing=(1.0, 0.1))


def test_an_empty_mask_is_not_rejected():
    assert not rejected((14.0, 24.0, False), mask=PlacedMask("a", 3, 0, 0, np.zeros((0, 0), bool)))
