"""What a network that sees no colour is shown of colours, and how templates are posed."""

import numpy as np
import pytest
import torch

from medsam2.placed_mask import PlacedMask
from medsam2.tracking.colour_axis import LUMINANCE, GreyImages
from medsam2.tracking.field_of_view import FieldOfView
from medsam2.tracking.template_poses import POSES, Pose, centre_of
from medsam2.volume import ImageSet

SIDE = 40
MASK = np.zeros((SIDE, SIDE), bool)
MASK[12:25, 10:26] = True


def picture(inside: tuple[float, ...], outside: tuple[float, ...]) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 0.02, (SIDE, SIDE, 1))
    return (np.where(MASK[..., None], inside, outside) + noise).clip(0, 1).astype(np.float32)


def contrast(grey: np.ndarray) -> float:
    return abs(grey[MASK].mean() - grey[~MASK].mean()) / grey[~MASK].std()


def test_colours_of_one_luminance_are_told_along_the_axis_of_the_template():
    image = picture((0.75, 0.35, 0.4), (0.35, 0.554, 0.4))
    images = GreyImages(ImageSet([image]))
    assert contrast(images.pixels(0)) < 1
    assert images.learn(0, PlacedMask.cropped(MASK))
    assert contrast(images.pixels(0)) > 10
    assert images.pixels(0).dtype == np.float32
    assert 0 <= images.pixels(0).min() <= images.pixels(0).max() <= 1


def test_where_colour_tells_nothing_more_luminance_is_shown():
    image = picture((0.7, 0.7, 0.7), (0.3, 0.3, 0.3))
    images = GreyImages(ImageSet([image]))
    assert not images.learn(0, PlacedMask.cropped(MASK))
    np.testing.assert_allclose(images.pixels(0), image @ LUMINANCE, atol=1e-6)


def test_an_image_without_the_object_is_unlearnt():
    images = GreyImages(ImageSet([picture((0.75, 0.35, 0.4), (0.35, 0.554, 0.4))]))
    images.learn(0, PlacedMask.cropped(MASK))
    assert images.learn(0, PlacedMask.cropped(np.zeros_like(MASK)))
    assert images.axis is LUMINANCE


def test_grey_images_stay_as_they_are():
    grey = np.random.default_rng(0).random((SIDE, SIDE), np.float32)
    images = GreyImages(ImageSet([grey]))
    assert not images.learn(0, PlacedMask.cropped(MASK))
    np.testing.assert_array_equal(images.pixels(0), grey)


def test_each_colour_is_seen_as_it_would_be_in_grey():
    image = np.random.default_rng(0).random((30, 44, 3), np.float32)
    field_of_view = FieldOfView(-3, 2, 36, 36)
    seen = field_of_view.network_image(image, 32)
    assert seen.shape == (1, 3, 32, 32)
    prepared, is_slice = field_of_view.prepared_image(image, 32, "area")
    assert prepared.shape == (1, 3, 32, 32)
    assert is_slice.shape == (1, 1, 32, 32)
    for channel in range(3):
        plane = image[..., channel]
        assert torch.equal(seen[:, channel : channel + 1], field_of_view.network_image(plane, 32))
        alone, _ = field_of_view.prepared_image(plane, 32, "area")
        assert torch.equal(prepared[:, channel : channel + 1], alone)


@pytest.mark.parametrize("pose", POSES)
def test_a_pose_moves_the_objects_centre_and_changes_its_size_as_it_says(pose: Pose):
    mask = torch.from_numpy(MASK.astype(np.float32))[None, None]
    centre = centre_of(mask)
    moved = (pose.moved(mask, centre) > 0.5).float()
    x, y = centre_of(moved)
    assert x == pytest.approx(centre[0] + 2 * pose.right, abs=0.03)
    assert y == pytest.approx(centre[1] + 2 * pose.down, abs=0.03)
    assert float(moved.sum() / mask.sum()) == pytest.approx(pose.scale**2, rel=0.1)
