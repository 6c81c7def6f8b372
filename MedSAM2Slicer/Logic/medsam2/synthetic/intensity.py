"""Turns tissue labels into pixels that resemble windowed CT or MR slices."""

from functools import lru_cache

import numpy as np
from scipy import ndimage

from medsam2.synthetic.shapes import log_uniform, smooth_noise
from medsam2.synthetic.tissues import TISSUES, draw_means

_BANK_SHAPE = (24, 320, 320)
_BANK_SCALES = (2, 3, 5, 9, 24, 80)


def paint(
    rng: np.random.Generator, labels: np.ndarray, tissues: np.ndarray, thickness: int = 1
) -> np.ndarray:
    """Images (t, y, x) float32 in [0, 1] of ``labels`` (t * thickness, y, x), indices into ``tissues`` (n,).

    A view of few scanner pixels is enlarged, which blurs edges and coarsens noise. Each image averages
    ``thickness`` planes. Brightness, texture, blur, bias field, noise and window are drawn anew.
    """
    jitter = rng.normal(0, rng.choice([0.005, 0.02]), len(tissues))
    means = (draw_means(rng)[tissues] + jitter).astype(np.float32)
    image = means[labels].reshape(-1, thickness, *labels.shape[1:]).mean(1)
    enlarged = log_uniform(rng, 0.4, 4) * labels.shape[1] / 256
    image = blur(image, max(0.3, enlarged * rng.uniform(0.35, 0.8)))
    image += _texture(rng, labels[thickness // 2 :: thickness], tissues)
    return finish(rng, image, enlarged)


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Smooth every frame within its plane; ``sigma`` in pixels."""
    return ndimage.gaussian_filter(image, (0, sigma, sigma), truncate=2.5)


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


def _texture(rng: np.random.Generator, labels: np.ndarray, tissues: np.ndarray) -> np.ndarray:
    """Two kinds of grain whose strength is each label's own."""
    strength = log_uniform(rng, 0.004, 0.05)
    grain = np.zeros(labels.shape, np.float32)
    for _ in range(2):
        amount = (strength * rng.lognormal(-0.5, 0.8, len(tissues))).clip(0, 0.12).astype(np.float32)
        amount[np.isin(tissues, [*TISSUES["air"], *TISSUES["gas"]])] = 0
        grain += amount[labels] * _noise(rng, labels.shape, int(rng.integers(1, 5)), int(rng.integers(1, 5)))
    return grain


def finish(rng: np.random.Generator, image: np.ndarray, enlarged: float) -> np.ndarray:
    """Bias field, streaks, noise, window, gamma and inversion; ``enlarged`` is pixels per scanner pixel."""
    shape = image.shape
    if rng.random() < 0.35:
        image = image * (1 + rng.uniform(0.03, 0.25) * _noise(rng, shape, -1, 0))
    if rng.random() < 0.03:
        image = image + rng.uniform(0.02, 0.12) * _streaks(rng, shape)
    sigma = log_uniform(rng, 0.004, 0.08)
    white = rng.random() if enlarged < 1.4 else 0.0
    if white:
        image = image + (sigma * white) * rng.standard_normal(shape, dtype=np.float32)
    grain = enlarged * rng.uniform(1, 2.2)
    scale = int(np.abs(np.array(_BANK_SCALES) - grain).argmin())
    image = image + (sigma * (1 - white)) * _noise(rng, shape, scale, 7)
    image = np.clip(image, 0, 1)
    if rng.random() < 0.4:
        image = image ** np.float32(log_uniform(rng, 0.7, 1.5))
    if rng.random() < 0.12:
        image = 1 - image
    return np.ascontiguousarray(image, np.float32)


def _streaks(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Rays from a piece of metal, alike in all frames."""
    y0, x0 = rng.uniform(0, shape[1], 2)
    y, x = np.arange(shape[1])[:, None] - y0, np.arange(shape[2]) - x0
    angle = np.arctan2(y, x)
    rays = sum(rng.normal() * np.cos(count * angle + rng.uniform(0, 6)) for count in rng.integers(2, 40, 8))
    return (rays / (1 + np.hypot(y, x) / (0.2 * shape[1])))[None].astype(np.float32)
