"""Turns tissue labels into pixels that resemble windowed CT, MR or ultrasound slices."""

from functools import lru_cache

import numpy as np
from scipy import ndimage

from medsam2_lab.synthetic.shapes import log_uniform, smooth_noise
from medsam2_lab.synthetic.tissues import TISSUES, draw_means, draw_modality, random_window

_BANK_SHAPE = (24, 320, 320)
_BANK_SCALES = (2, 3, 5, 9, 24, 80)
_GASES = [*TISSUES["air"], *TISSUES["gas"]]


def paint(
    rng: np.random.Generator, labels: np.ndarray, tissues: np.ndarray, enlarged: float, thickness: int = 1
) -> np.ndarray:
    """Images (t, y, x) float32 in [0, 1] of ``labels`` (t * thickness, y, x), indices into ``tissues`` (n,).

    ``enlarged`` is how many pixels of the image one pixel of the scanner takes. Each image averages
    ``thickness`` planes. Brightness, texture, blur, bias field, noise and window are drawn anew.
    """
    modality = draw_modality(rng)
    means = draw_means(rng, modality)
    if modality == "CT":
        means = random_window(rng, means)
    return display(rng, scan(rng, ideal(rng, labels, tissues, means, thickness), enlarged, modality))


def ideal(
    rng: np.random.Generator, labels: np.ndarray, tissues: np.ndarray, means: np.ndarray, thickness: int
) -> np.ndarray:
    """What a perfect scanner would see, (t, y, x): tissues, ``means`` (TISSUE_COUNT,) bright and textured."""
    jitter = rng.normal(0, rng.choice([0.005, 0.02]), len(tissues))
    bright = (means[tissues] + jitter).astype(np.float32)
    image = bright[labels].reshape(-1, thickness, *labels.shape[1:]).mean(1)
    return image + _texture(rng, labels[thickness // 2 :: thickness], tissues)


def scan(rng: np.random.Generator, image: np.ndarray, enlarged: float, modality: str) -> np.ndarray:
    """What a scanner makes of an ideal image (t, y, x): its resolution, bias field, artefacts and noise."""
    shape = image.shape
    if rng.random() < 0.35:
        image = image * (1 + rng.uniform(0.03, 0.25) * _noise(rng, shape, -1, 0))
    if rng.random() < 0.03:
        image = image + rng.uniform(0.02, 0.12) * _streaks(rng, shape)
    if modality == "US":
        speckle = _noise(rng, shape, int(rng.integers(0, 3)), 3)
        image = image * (1 + rng.uniform(0.15, 0.5) * speckle)
    sigma = log_uniform(rng, 0.004, 0.08)
    if enlarged < 1.4:
        image = blur(image, max(0.3, enlarged * rng.uniform(0.35, 0.8)))
        return image + _scanner_noise(rng, shape, sigma)
    pixels = max(8, round(shape[1] / enlarged))
    down, up = _shrinking(pixels, shape[1], round(rng.uniform(0.35, 0.8), 1)), _stretching(pixels, shape[1])
    coarse = down @ image @ down.T
    return up @ (coarse + _scanner_noise(rng, coarse.shape, sigma)) @ up.T


def display(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """The window, and now and then another gamma or inverted brightness: float32 in [0, 1]."""
    image = np.clip(image, 0, 1)
    if rng.random() < 0.4:
        image = image ** np.float32(log_uniform(rng, 0.7, 1.5))
    if rng.random() < 0.12:
        image = 1 - image
    return np.ascontiguousarray(image, np.float32)


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Smooth every frame within its plane; ``sigma`` in pixels."""
    return ndimage.gaussian_filter(image, (0, sigma, sigma), truncate=2.5)


@lru_cache(maxsize=512)
def _shrinking(pixels: int, size: int, sigma: float) -> np.ndarray:
    """Weights (pixels, size) that average along one axis as a scanner does; ``sigma`` in its pixels."""
    position = (np.arange(size) + 0.5) * pixels / size - 0.5
    weights = np.exp(-0.5 * ((position - np.arange(pixels)[:, None]) / sigma) ** 2)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


@lru_cache(maxsize=512)
def _stretching(pixels: int, size: int) -> np.ndarray:
    """Weights (size, pixels) of the linear interpolation by which a field of view is enlarged in use."""
    position = ((np.arange(size) + 0.5) * pixels / size - 0.5).clip(0, pixels - 1)
    return (1 - np.abs(position[:, None] - np.arange(pixels))).clip(0, 1).astype(np.float32)


@lru_cache(maxsize=1)
def _bank() -> list[np.ndarray]:
    """Noise volumes of unit deviation, one per scale in pixels."""
    rng = np.random.default_rng(0)
    depth, height, width = _BANK_SHAPE
    volumes = [
        smooth_noise(rng, _BANK_SHAPE, (depth // 2, height // scale, width // scale))
        for scale in _BANK_SCALES
    ]
    return [volume / volume.std() for volume in volumes]


def _noise(rng: np.random.Generator, shape: tuple[int, int, int], scale: int, step: int = 1) -> np.ndarray:
    """A random part of one noise volume, ``step`` of its slices from frame to frame."""
    volume = _bank()[scale]
    y, x = (rng.integers(0, total - size + 1) for total, size in zip(_BANK_SHAPE[1:], shape[1:], strict=True))
    slices = (rng.integers(_BANK_SHAPE[0]) + step * np.arange(shape[0])) % _BANK_SHAPE[0]
    part = volume[slices, y : y + shape[1], x : x + shape[2]]
    return part[:, :: rng.choice([-1, 1]), :: rng.choice([-1, 1])]


def _scanner_noise(rng: np.random.Generator, shape: tuple[int, int, int], sigma: float) -> np.ndarray:
    """White noise mixed with the finest grain of reconstructed images."""
    white = np.float32(rng.random())
    grain = _noise(rng, shape, int(rng.integers(0, 2)), 7)
    return np.float32(sigma) * (white * rng.standard_normal(shape, dtype=np.float32) + (1 - white) * grain)


def _texture(rng: np.random.Generator, labels: np.ndarray, tissues: np.ndarray) -> np.ndarray:
    """Two kinds of grain whose strength is each label's own."""
    strength = log_uniform(rng, 0.004, 0.05)
    grain = np.zeros(labels.shape, np.float32)
    for _ in range(2):
        amount = (strength * rng.lognormal(-0.5, 0.8, len(tissues))).clip(0, 0.12).astype(np.float32)
        amount[np.isin(tissues, _GASES)] = 0
        grain += amount[labels] * _noise(rng, labels.shape, int(rng.integers(1, 5)), int(rng.integers(1, 5)))
    return grain


def _streaks(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Rays from a piece of metal, alike in all frames."""
    y0, x0 = rng.uniform(0, shape[1], 2)
    y, x = np.arange(shape[1])[:, None] - y0, np.arange(shape[2]) - x0
    angle = np.arctan2(y, x)
    rays = sum(rng.normal() * np.cos(count * angle + rng.uniform(0, 6)) for count in rng.integers(2, 40, 8))
    return (rays / (1 + np.hypot(y, x) / (0.2 * shape[1])))[None].astype(np.float32)
