"""The tissues of synthetic body parts, and how bright each is in CT, MR or ultrasound."""

import numpy as np

from medsam2_lab.synthetic.shapes import log_uniform

# Numbers of the tissues by kind; the kind decides how bright a tissue is in each sort of image.
TISSUES = {
    "air": range(0, 1),
    "fat": range(1, 4),
    "skin": range(4, 5),
    "soft": range(5, 22),
    "fluid": range(22, 26),
    "vessel": range(26, 30),
    "cortex": range(30, 33),
    "marrow": range(33, 36),
    "gas": range(36, 38),
    "lung": range(38, 40),
    "lesion": range(40, 44),
}
TISSUE_COUNT = 44

SOFT_TISSUE_HU = (-160.0, 240.0)
"""Hounsfield units that brightness 0 and 1 of a CT stand for."""
# Brightness in CT, as shares of that window.
_CT_RANGES = {
    "air": (-2.1, -2.1),
    "fat": (0.12, 0.35),
    "skin": (0.4, 0.6),
    "soft": (0.45, 0.66),
    "fluid": (0.36, 0.52),
    "vessel": (0.5, 0.95),
    "cortex": (0.95, 3.0),
    "marrow": (0.6, 0.95),
    "gas": (-2.1, -1.6),
    "lung": (-1.9, -1.0),
    "lesion": (0.4, 0.66),
}


def pick_tissue(rng: np.random.Generator, *kinds: str) -> int:
    """The number of a random tissue of a random one of these kinds."""
    return int(rng.choice(TISSUES[kinds[rng.integers(len(kinds))]]))


def draw_modality(rng: np.random.Generator) -> str:
    """ "CT" (60 %), "MR" (35 %) or "US"."""
    return str(rng.choice(("CT", "MR", "US"), p=(0.6, 0.35, 0.05)))


def draw_means(rng: np.random.Generator, modality: str) -> np.ndarray:
    """Brightness of every tissue, (TISSUE_COUNT,).

    In a CT 0 and 1 are the ends of the soft-tissue window (``SOFT_TISSUE_HU``) and values go beyond; in other
    modalities they are the darkest and brightest that the image holds.
    """
    if modality == "CT":
        return _ct_means(rng)
    means = rng.uniform(0.05, 1, TISSUE_COUNT)
    if rng.random() < 0.5:  # few kinds of tissue differ: neighbours look nearly alike
        clusters = rng.uniform(0.05, 1, rng.integers(3, 7))
        means = rng.choice(clusters, TISSUE_COUNT) + rng.normal(0, 0.04, TISSUE_COUNT)
    dark = [*TISSUES["air"], *TISSUES["gas"], *TISSUES["cortex"], *TISSUES["lung"]]
    means[dark] = rng.uniform(0, 0.12, len(dark))
    return means


def _ct_means(rng: np.random.Generator) -> np.ndarray:
    means = np.empty(TISSUE_COUNT)
    for kind, (low, high) in _CT_RANGES.items():
        means[list(TISSUES[kind])] = rng.uniform(low, high, len(TISSUES[kind]))
    return means


def random_window(rng: np.random.Generator, means: np.ndarray) -> np.ndarray:
    """Brightness of a CT's tissues in a wider or narrower window, now and then that for bone or lung."""
    if rng.random() < 0.15:
        return (means - rng.uniform(-0.4, 1.1)) / log_uniform(rng, 1.8, 4) + 0.5
    width = log_uniform(rng, 0.5, 1.8)
    return (means - 0.5) / width + rng.normal(0.5, 0.08)
