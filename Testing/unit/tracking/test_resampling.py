"""Slices become images as those were made that networks of one slice were trained with."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from medsam2.slice_grid import SliceGrid
from medsam2.tracking import FieldOfView
from medsam2.tracking.resampling import ALONG_ROWS, resampled

SHAPES = [
    ((60, 44), (24, 20)),
    ((10, 9), (25, 23)),
    ((33, 60), (80, 40)),
    ((40, 1), (16, 1)),
    ((30, 30), (30, 30)),
]
COUNTING = torch.arange(20, dtype=torch.float32).reshape(5, 4) ** 2


def an_image(shape: tuple[int, int]) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).random(shape, np.float32))


@pytest.mark.parametrize(("shape", "wanted"), SHAPES)
def test_bilinear_is_pillows(shape, wanted):
    image = an_image(shape)
    expected = Image.fromarray(image.numpy()).resize(wanted[::-1], Image.Resampling.BILINEAR)
    np.testing.assert_allclose(resampled(image, wanted, "bilinear"), expected, atol=1e-5)


@pytest.mark.parametrize(("shape", "wanted"), SHAPES)
def test_area_is_the_mean_of_what_a_pixel_covers(shape, wanted):
    image = an_image(shape)
    fine = image.repeat_interleave(wanted[0], 0).repeat_interleave(wanted[1], 1)
    expected = fine.reshape(wanted[0], shape[0], wanted[1], shape[1]).mean(dim=(1, 3))
    torch.testing.assert_close(resampled(image, wanted, "area"), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("shape", "wanted"), SHAPES)
def test_cubic_smooths_and_interpolates_within_the_images_range(shape, wanted):
    """As ``skimage.transform.resize`` is written, in two dimensions at once."""
    image = an_image(shape).numpy()
    factors = np.divide(shape, wanted)
    smooth = ndimage.gaussian_filter(image, np.maximum(0, (factors - 1) / 2), mode="mirror")
    expected = ndimage.zoom(smooth, 1 / factors, order=3, mode="mirror", grid_mode=True)
    expected = expected.clip(image.min(), image.max())
    np.testing.assert_allclose(resampled(torch.from_numpy(image), wanted, "cubic"), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("resampling", "expected"),
    [
        # cv2.resize of opencv-python-headless 5.0.0 with INTER_AREA and INTER_NEAREST
        ("area", [[7.45, 13.7, 22.95], [74.65, 96.9, 122.15], [218.65, 256.9, 298.15]]),
        ("nearest", [[0, 1, 4], [16, 25, 36], [144, 169, 196]]),
        # resize(image, (3, 3), order=3, preserve_range=True, anti_aliasing=True) of scikit-image 0.26.0
        ("cubic", [[2.072, 6.145, 15.015], [65.126, 90.348, 120.366], [236.186, 282.557, 333.724]]),
    ],
)
def test_the_numbers_of_the_libraries_that_training_used(resampling, expected):
    torch.testing.assert_close(
        resampled(COUNTING, (3, 3), resampling), torch.tensor(expected).float(), atol=1e-3, rtol=0
    )


@pytest.mark.parametrize("resampling", ALONG_ROWS)
def test_what_is_beyond_the_slice_is_told_and_black(resampling):
    image, grid = np.ones((30, 60), np.float32), SliceGrid((30, 60), (1.0, 1.0))
    prepared, is_slice = FieldOfView.whole(grid).prepared_image(image, 64, resampling)
    assert prepared.shape == is_slice.shape == (1, 1, 64, 64)
    expected = torch.zeros(64, 64)
    expected[16:48] = 1
    torch.testing.assert_close(prepared[0, 0], expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(is_slice[0, 0], expected > 0)


@pytest.mark.parametrize("resampling", ALONG_ROWS)
def test_a_field_of_view_inside_the_slice_shows_its_part_of_it(resampling):
    image = an_image((40, 50)).numpy()
    prepared, is_slice = FieldOfView(5, 7, 20, 20).prepared_image(image, 64, resampling)
    part = torch.from_numpy(image[5:25, 7:27].copy())
    torch.testing.assert_close(prepared[0, 0], resampled(part, (64, 64), resampling))
    assert is_slice.all()


def test_a_field_of_view_beside_the_slice_shows_nothing_of_it():
    prepared, is_slice = FieldOfView(90, 0, 16, 16).prepared_image(np.ones((20, 20), np.float32), 64, "area")
    assert not prepared.any()
    assert not is_slice.any()
