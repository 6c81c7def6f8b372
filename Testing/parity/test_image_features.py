"""Features of the image encoder equal the reference's."""

import pytest
import torch

from parity.conftest import TOLERANCE, Pair, largest_difference, make_pair, random_images

reference = pytest.importorskip("parity.reference", reason="needs the sam2 package: `make test` installs it")


def assert_same_features(pair: Pair, images: torch.Tensor) -> None:
    s4, s8, s16 = reference.image_features(pair.reference, images)
    with torch.inference_mode():
        ours = pair.network.encode_image(images)
    assert s16.std() > 0.1
    for mine, theirs in zip((ours.s4, ours.s8, ours.s16), (s4, s8, s16), strict=True):
        assert largest_difference(mine, theirs) <= TOLERANCE


def test_image_features(pair):
    assert_same_features(pair, pair.random_images(2))


@pytest.mark.parametrize("size", [1024, 224])
def test_image_features_at_other_sizes(size):
    """At full size windows fill the map; at 224 the last window of each row is cut by the border."""
    assert_same_features(make_pair("tiny", "sam2.1", size), random_images(1, size))
