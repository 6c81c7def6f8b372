"""Whole synthetic scans with their labels: a dataset of its own, for training, evaluation and tests."""

from dataclasses import dataclass

import numpy as np

from medsam2.volume import Geometry, Volume
from medsam2_lab.synthetic.anatomy import Anatomy, make_anatomy
from medsam2_lab.synthetic.clips import Crop, cut
from medsam2_lab.synthetic.intensity import ideal, scan
from medsam2_lab.synthetic.shapes import log_uniform
from medsam2_lab.synthetic.targets import OUTSIDE, is_visible
from medsam2_lab.synthetic.tissues import SOFT_TISSUE_HU, TISSUE_COUNT, draw_means

MODALITIES = ("CT", "MR", "US")
LEAST_VOXELS, LEAST_SLICES = 200, 3
"""Structures smaller than this get no label."""
MOST_STRUCTURES = 12
_SIDE = (220.0, 380.0)  # millimetres of the body part's side


@dataclass(frozen=True, eq=False)
class SyntheticScan:
    """A scan, its labels (k, j, i) uint8, and the name of each label."""

    volume: Volume
    labels: np.ndarray
    structures: dict[str, int]


def make_scan(seed: int, modality: str) -> SyntheticScan:
    """The scan of one random body part, the same for the same arguments.

    Pixels are 0.8 to 3 mm wide, slices 1.5 to 6 mm thick; CT is in Hounsfield units, MR and ultrasound in
    numbers from 0.
    """
    rng = np.random.default_rng([seed, MODALITIES.index(modality)])
    anatomy = make_anatomy(rng)
    length = anatomy.objects.shape[0]
    side = rng.uniform(*_SIDE)
    pixel, step = log_uniform(rng, max(0.8, side / 320), 3), log_uniform(rng, 1.5, 6)
    pixels, slices = round(side / pixel), min(round(0.9 * side / step), int(rng.integers(16, 48)))
    thickness = 3 if step > 3 else 1
    heights = _heights(rng, slices, thickness, step * length / side)
    codes, planes = cut(anatomy, _axial(length), pixels, heights)
    means = draw_means(rng, modality)
    image = scan(rng, ideal(rng, planes, codes % TISSUE_COUNT, means, thickness), 1.0, modality)
    labels, structures = _label(rng, anatomy, codes, planes[thickness // 2 :: thickness], image)
    volume = Volume(_stored(image, modality), _grid(image.shape, step, pixel), modality)
    return SyntheticScan(volume, labels, structures)


def _axial(length: int) -> Crop:
    """All of the body part, seen along its axis k."""
    return Crop(np.full(3, (length - 1) / 2), np.eye(3), float(length), 1.0, mirrored=False)


def _heights(rng: np.random.Generator, slices: int, thickness: int, step: float) -> np.ndarray:
    """Where planes lie along k about the middle, in voxels, (slices * thickness,); some scans lack slices."""
    position = np.arange(slices, dtype=float)
    if rng.random() < 0.1:
        position[rng.integers(1, slices) :] += rng.integers(1, 3)
    within = (np.arange(thickness) - (thickness - 1) / 2) / thickness
    return ((position - position.mean())[:, None] + within).ravel() * step


def _label(
    rng: np.random.Generator, anatomy: Anatomy, codes: np.ndarray, regions: np.ndarray, image: np.ndarray
) -> tuple[np.ndarray, dict[str, int]]:
    """Labels of up to ``MOST_STRUCTURES`` objects that can be seen, of all orders of magnitude."""
    owners = np.where(codes == OUTSIDE, 0, codes // TISSUE_COUNT)[regions].astype(np.uint8)
    window = np.clip(image, 0, 1)
    labels = np.zeros(owners.shape, np.uint8)
    structures: dict[str, int] = {}
    for number in rng.permutation(np.unique(owners[owners > 0])):
        mask = owners == number
        areas = mask.sum(axis=(1, 2))
        middle = int(areas.argmax())
        if areas.sum() < LEAST_VOXELS or np.count_nonzero(areas) < LEAST_SLICES:
            continue
        if not is_visible(window[middle], mask[middle]):
            continue
        value = len(structures) + 1
        labels[mask] = value
        structures[f"structure {value}"] = value
        if value == MOST_STRUCTURES:
            break
    return labels, structures


def _stored(image: np.ndarray, modality: str) -> np.ndarray:
    """Brightness as a scanner stores it."""
    if modality == "CT":
        lower, upper = SOFT_TISSUE_HU
        return np.rint(lower + image * (upper - lower)).clip(-1024, 3071).astype(np.int16)
    return np.rint(np.abs(image) * (255 if modality == "US" else 900)).astype(np.uint16)


def _grid(shape: tuple[int, int, int], step: float, pixel: float) -> Geometry:
    """Axial slices as scanners store them: i towards the left, j towards the back, k upwards."""
    return Geometry(shape, np.diag([-pixel, -pixel, step, 1.0]))
