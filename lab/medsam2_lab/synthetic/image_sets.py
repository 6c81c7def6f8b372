"""Sets of unrelated images with one object, made from a synthetic body part, and images that mislead."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from medsam2_lab.synthetic.anatomy import make_anatomy
from medsam2_lab.synthetic.clips import Clip, make_clip

SLICES, LEAST_PIXELS = 24, 200
"""Slices to choose from, and the pixels of the object below which a slice is not used."""
TEMPLATES = 5


@dataclass(frozen=True, eq=False)
class Example:
    """One image (size, size) in [0, 1], what it is, and the object in it.

    ``kind`` is "good"; "foreign", without the object; or "degraded", which counts neither way.
    """

    image: np.ndarray
    mask: np.ndarray
    kind: str


def image_set(
    seed: int, number: int, size: int, count: int, anywhere: bool = False
) -> tuple[list[Example], list[Example]]:
    """Templates, and ``count`` other images: half good, a quarter foreign, a quarter degraded.

    All but the first template show the slices of an object in other poses: near to where it was, or anywhere.
    """
    rng = np.random.default_rng([seed, number])
    clip, foreign = _clip(rng, size), _clip(rng, size)
    masks = clip.masks[0]
    usable = np.flatnonzero(masks.sum(axis=(1, 2)) >= LEAST_PIXELS)
    quarter = count // 4
    good = [
        _posed(clip.images[place], masks[place], rng, anywhere)
        for place in rng.choice(usable, count - 2 * quarter + TEMPLATES - 1)
    ]
    templates = [Example(clip.images[0], masks[0], "good"), *good[: TEMPLATES - 1]]
    others = good[TEMPLATES - 1 :]
    degraded = [_degraded(others[place % len(others)], rng) for place in range(quarter)]
    everywhere = np.ones(masks.shape[1:], bool)
    places = rng.choice(SLICES, quarter)
    strangers = [_posed(foreign.images[place], everywhere, rng, anywhere).image for place in places]
    nothing = [Example(image, ~everywhere, "foreign") for image in strangers]
    return templates, [*others, *nothing, *degraded]


def _clip(rng: np.random.Generator, size: int) -> Clip:
    return make_clip(make_anatomy(rng, 96), rng, size, SLICES, 1)


def _posed(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator, anywhere: bool) -> Example:
    """The image turned, scaled and moved at random; the object's centre stays well inside."""
    low, high = 0.15 * len(image), 0.85 * len(image)
    angle, scale = rng.normal(0, 0.15), np.exp(rng.normal(0, 0.09))
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array(ndimage.center_of_mass(mask))
    near = (centre + rng.normal(0, 15, 2)).clip(low, high)
    target = rng.uniform(low, high, 2) if anywhere else near
    offset = centre - matrix @ target
    moved = [
        ndimage.affine_transform(plane.astype(np.float32), matrix, offset, order=1, mode="mirror")
        for plane in (image, mask)
    ]
    return Example(moved[0], moved[1] > 0.5, "good")


def _degraded(example: Example, rng: np.random.Generator) -> Example:
    """The image under heavy noise, out of focus, or inverted."""
    image = example.image
    spoilt = [
        (image + rng.normal(0, 0.6, image.shape)).clip(0, 1),
        ndimage.gaussian_filter(image, 10),
        1 - image,
    ]
    return Example(spoilt[rng.integers(3)].astype(np.float32), example.mask, "degraded")
