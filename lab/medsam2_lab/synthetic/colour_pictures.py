"""Pictures in which colour alone tells the object: its surroundings are of the same luminance.

A fundus with its disc and, in that, the cup; a tissue with nuclei of two stains, one of which is the object.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from medsam2.tracking.colour_axis import LUMINANCE

GREY_NOISE, COLOUR_NOISE = 0.06, 0.015
NUCLEI = (9, 16)


@dataclass(frozen=True, eq=False)
class ColourPicture:
    """An image (size, size, 3) in [0, 1], and its objects (size, size) bool by name."""

    image: np.ndarray
    masks: dict[str, np.ndarray]


def fundus(rng: np.random.Generator, size: int) -> ColourPicture:
    """A retina with vessels; disc and cup lie somewhere near the middle."""
    centre = size * (0.5 + rng.uniform(-0.12, 0.12, 2))
    radius = size * rng.uniform(0.11, 0.16)
    disc = _ellipse(size, centre, radius, rng)
    cup = (
        _ellipse(size, centre + rng.normal(0, 0.1 * radius, 2), radius * rng.uniform(0.45, 0.65), rng) & disc
    )
    colours = np.full((size, size, 3), (0.72, 0.3, 0.16))
    colours[disc] = (0.56, 0.37, 0.2)
    colours[cup] = (0.44, 0.42, 0.32)
    return ColourPicture(_painted(colours, _vessels(rng, size, centre), rng), {"disc": disc, "cup": cup})


def tissue(rng: np.random.Generator, size: int) -> ColourPicture:
    """Nuclei of a blue stain, the object, among those of a brown one."""
    taken = np.zeros((size, size), bool)
    stains = {"blue nuclei": taken.copy(), "brown nuclei": taken.copy()}
    for number in range(int(rng.integers(*NUCLEI))):
        nucleus = _ellipse(size, rng.uniform(0.08, 0.92, 2) * size, size * rng.uniform(0.05, 0.075), rng)
        if not (ndimage.binary_dilation(nucleus, iterations=3) & taken).any():
            stains[("blue nuclei", "brown nuclei")[number % 2]] |= nucleus
            taken |= nucleus
    colours = np.full((size, size, 3), (0.86, 0.66, 0.74))
    colours[stains["blue nuclei"]] = (0.3, 0.36, 0.72)
    colours[stains["brown nuclei"]] = (0.56, 0.33, 0.18)
    stroma = ndimage.gaussian_filter(rng.normal(0, 1, (size, size)), size / 40)
    return ColourPicture(
        _painted(colours, 0.1 * stroma / stroma.std(), rng, (0.86, 0.66, 0.74)),
        {"blue nuclei": stains["blue nuclei"]},
    )


PICTURES = {"disc": fundus, "cup": fundus, "blue nuclei": tissue}
"""By the object."""


def _ellipse(size: int, centre: np.ndarray, radius: float, rng: np.random.Generator) -> np.ndarray:
    angle, stretch = rng.uniform(0, np.pi), np.exp(rng.normal(0, 0.1))
    rows, columns = (np.mgrid[:size, :size].T - centre).T
    along = np.cos(angle) * rows + np.sin(angle) * columns
    across = np.cos(angle) * columns - np.sin(angle) * rows
    return (along * stretch) ** 2 + (across / stretch) ** 2 <= radius**2


def _vessels(rng: np.random.Generator, size: int, centre: np.ndarray) -> np.ndarray:
    """How much darker the retina is where vessels run, from the disc outwards: (size, size)."""
    drawn = np.zeros((size, size), bool)
    for start in rng.uniform(0, 2 * np.pi, 9):
        place, angle = centre.copy(), start
        for _ in range(size):
            angle += rng.normal(0, 0.06)
            place = place + np.array([np.sin(angle), np.cos(angle)])
            row, column = place.astype(int)
            if not (0 <= row < size and 0 <= column < size):
                break
            drawn[row, column] = True
    return -0.12 * ndimage.gaussian_filter(ndimage.binary_dilation(drawn).astype(float), 0.8)


def _painted(
    colours: np.ndarray, shade: np.ndarray, rng: np.random.Generator, ground: tuple[float, ...] | None = None
) -> np.ndarray:
    """Colours of one luminance, that of the first, with shade and noise; those of ``ground`` keep theirs."""
    luminance = colours @ LUMINANCE
    kept = np.zeros(luminance.shape, bool) if ground is None else (colours == ground).all(axis=2)
    level = luminance[~kept].min()
    flat = colours + np.where(kept, 0, level - luminance)[..., None]
    noise = rng.normal(0, GREY_NOISE, luminance.shape) + shade
    image = flat + noise[..., None] + rng.normal(0, COLOUR_NOISE, colours.shape)
    return ndimage.gaussian_filter(image, (0.7, 0.7, 0)).clip(0, 1).astype(np.float32)
