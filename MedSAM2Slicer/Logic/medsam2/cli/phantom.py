"""A synthetic abdominal CT with known organs, for the demo.

Drawn from ellipsoids on a body axis; it shares nothing with the volumes that the weights were trained on.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from medsam2.evaluation.user_prompts import deepest_point
from medsam2.volume import Geometry, Volume

SHAPE = (32, 160, 160)
SPACING = (3.0, 2.0, 2.0)
"""Millimetres between slices, rows and columns."""

# Hounsfield units in the portal-venous phase.
AIR, FAT, MUSCLE, BONE, MARROW, GAS = -1000, -100, 60, 700, 220, -800
LIVER, SPLEEN, KIDNEY, BLOOD = 110, 120, 180, 160
NOISE, BLUR = 12.0, 0.7


@dataclass(frozen=True, eq=False)
class Phantom:
    """The volume, and the true mask (k, j, i) bool of each organ."""

    volume: Volume
    labels: dict[str, np.ndarray]


def make_phantom(seed: int = 0) -> Phantom:
    """The same volume every time for one ``seed``."""
    rng = np.random.default_rng(seed)
    k, j, i = np.meshgrid(*(np.arange(length, dtype=np.float32) for length in SHAPE), indexing="ij")
    x, y, z = (i - 79.5) * SPACING[2], (j - 79.5) * SPACING[1], (k - 15.5) * SPACING[0]
    wobble = ndimage.gaussian_filter(rng.standard_normal(SHAPE), (4, 9, 9))
    wobble *= 0.08 / wobble.std()

    def ellipsoid(centre: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray:
        """Squared distance (x, y, z) in units of the radii, with an uneven surface."""
        parts = zip((x, y, z), centre, radii, strict=True)
        return sum(((axis - middle) / radius) ** 2 for axis, middle, radius in parts) + wobble

    def tube(centre: tuple[float, float], radius: float) -> np.ndarray:
        """Squared distance from a line along the body, in units of the radius."""
        drift = 4 * np.sin(z / 40)
        return ((x - centre[0] - drift) ** 2 + (y - centre[1]) ** 2) / radius**2

    body = (x / 145) ** 2 + (y / 105) ** 2
    hounsfield = np.full(SHAPE, float(AIR), np.float32)
    hounsfield[body < 1] = FAT
    hounsfield[(x / 132) ** 2 + (y / 92) ** 2 < 1] = MUSCLE
    hounsfield[(x / 120) ** 2 + ((y + 4) / 78) ** 2 < 1] = FAT
    labels: dict[str, np.ndarray] = {}

    def add(name: str, mask: np.ndarray, value: float) -> None:
        taken = np.any(list(labels.values()), axis=0) if labels else np.zeros(SHAPE, bool)
        labels[name] = mask & ~taken
        hounsfield[labels[name]] = value

    spine = np.minimum(((x / 20) ** 2 + ((y - 48) / 18) ** 2), ((x / 26) ** 2 + ((y - 66) / 9) ** 2))
    add("spine", spine < 1, BONE)
    hounsfield[(x / 16) ** 2 + ((y - 48) / 14) ** 2 < 1] = MARROW
    add("aorta", tube((14, 20), 11) < 1, BLOOD)
    add("kidney right", ellipsoid((-62, 34, -22), (24, 20, 34)) < 1, KIDNEY)
    add("kidney left", ellipsoid((66, 34, -14), (23, 20, 36)) < 1, KIDNEY)
    right_lobe = ellipsoid((-62, -14, 6), (48, 46, 50))
    left_lobe = ellipsoid((-4, -38, 20), (48, 22, 30))
    add("liver", np.minimum(right_lobe, left_lobe) < 1, LIVER)
    add("spleen", ellipsoid((88, 6, 14), (22, 34, 30)) < 1, SPLEEN)
    bowel = ellipsoid((44, -40, -20), (34, 20, 30))
    add("bowel", bowel < 1, MUSCLE)
    hounsfield[labels["bowel"] & (bowel < 0.7) & (y < -38)] = GAS
    hounsfield = ndimage.gaussian_filter(hounsfield, (0.4, BLUR, BLUR))  # partial volume
    noise = ndimage.gaussian_filter(rng.standard_normal(SHAPE), (0, 0.7, 0.7))
    hounsfield += NOISE * noise / noise.std()
    volume = Volume(np.rint(hounsfield).clip(-1024, 3071).astype(np.int16), _geometry(), "CT")
    return Phantom(volume, labels)


def _geometry() -> Geometry:
    """Axial slices as scanners store them: i towards the patient's left, j towards the back, k upwards."""
    matrix = np.diag([-SPACING[2], -SPACING[1], SPACING[0], 1.0])
    centre = (np.array(SHAPE[::-1]) - 1) / 2
    matrix[:3, 3] = -matrix[:3, :3] @ centre
    return Geometry(SHAPE, matrix)


def central_click(mask: np.ndarray) -> tuple[int, int, int]:
    """The deepest interior point (k, j, i) of the largest slice of a mask (k, j, i)."""
    index = int(mask.sum(axis=(1, 2)).argmax())
    return (index, *deepest_point(mask[index]))


def dice(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Overlap of two masks of one shape, 0 to 1; ``truth`` is not empty."""
    return float(2 * (predicted & truth).sum() / (predicted.sum() + truth.sum()))
