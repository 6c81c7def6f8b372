import numpy as np
import pytest
from scipy import ndimage

from medsam2_lab.synthetic.shapes import Canvas
from medsam2_lab.synthetic.structures import paint_limbed_gland, paint_lobed_gland
from medsam2_lab.synthetic.tissues import TISSUES


def painted(painter, seed: int) -> Canvas:
    canvas = Canvas(np.zeros((96, 96, 96), np.uint8), np.zeros((96, 96, 96), np.uint8))
    painter(canvas, np.random.default_rng(seed))
    return canvas


@pytest.mark.parametrize("painter", [paint_lobed_gland, paint_limbed_gland])
def test_a_gland_is_one_object_wherever_it_lies(painter):
    for seed in range(20):
        canvas = painted(painter, seed)
        assert canvas.count == 1
        assert canvas.objects.any()
        assert not canvas.tissues[canvas.objects == 0].any()


def test_lobed_glands_hold_fat_in_their_clefts():
    shares = []
    for seed in range(20):
        canvas = painted(paint_lobed_gland, seed)
        shares.append(np.isin(canvas.tissues[canvas.objects == 1], TISSUES["fat"]).mean())
    assert 0.02 < np.mean(shares) < 0.3


def test_limbed_glands_are_thin_for_their_extent():
    fullness = []
    for seed in range(20):
        gland = painted(paint_limbed_gland, seed).objects == 1
        box = ndimage.find_objects(gland.astype(np.uint8))[0]
        fullness.append(gland[box].mean())
    assert np.median(fullness) < 0.5  # a ball fills 0.52 of its box
