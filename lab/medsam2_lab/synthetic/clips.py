"""Short clips of consecutive slices cut from a synthetic body part, with the objects to segment.

A clip shows what the network sees in use: a square crop round an object of any size, at any orientation.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

from medsam2_lab.synthetic.anatomy import Anatomy
from medsam2_lab.synthetic.intensity import paint
from medsam2_lab.synthetic.shapes import log_uniform
from medsam2_lab.synthetic.targets import OUTSIDE, is_visible, targets
from medsam2_lab.synthetic.tissues import TISSUE_COUNT

_SMOOTHING = 0.8  # deviation in voxels of the smoothing that removes stairs from enlarged labels


@dataclass(frozen=True)
class Clip:
    """Consecutive slices of one crop; frame 0 is the one to click in.

    images: (frames, size, size) float32 in [0, 1], windowed.
    masks: (objects, frames, size, size) bool; every target is visible in frame 0 and may end later.
    labels: (frames, size, size) int16, a number for every visible region.
    """

    images: np.ndarray
    masks: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Crop:
    """A square region of parallel planes: ``axes`` rows are normal, down and right, lengths in voxels."""

    centre: np.ndarray
    axes: np.ndarray
    side: float
    spacing: float
    mirrored: bool  # whether the body part is continued by its mirror image instead of black


def make_clip(anatomy: Anatomy, rng: np.random.Generator, image_size: int, frames: int, objects: int) -> Clip:
    """Cut one clip with 1 to ``objects`` targets, each of at least ``LEAST_SHARE`` of frame 0 and visible."""
    while True:
        anchor = _pick_object(anatomy, rng)
        crop = _aim(anatomy, rng, anchor, image_size, frames)
        thickness = 3 if rng.random() < 0.12 else 1
        codes, planes = cut(anatomy, crop, image_size, _depths(rng, crop, frames, thickness))
        labels = planes[thickness // 2 :: thickness]
        masks = targets(rng, codes, labels, anchor, objects)
        if not masks:
            continue
        images = paint(rng, planes, codes % TISSUE_COUNT, _enlargement(rng, masks[0][0]), thickness)
        seen = [mask for mask in masks if is_visible(images[0], mask[0])]
        if seen and seen[0] is masks[0]:
            return Clip(images, np.stack(seen), labels.astype(np.int16))


def _enlargement(rng: np.random.Generator, anchor: np.ndarray) -> float:
    """Image pixels per scanner pixel: small crops of coarse scans are enlarged up to twelvefold in use.

    The anchor (y, x) keeps a width of about four scanner pixels.
    """
    unit = len(anchor) / 256
    most = min((12 if rng.random() < 0.35 else 4) * unit, np.sqrt(anchor.sum()) / 4)
    return log_uniform(rng, 0.4 * unit, max(most, unit))


def _depths(rng: np.random.Generator, crop: Crop, frames: int, thickness: int) -> np.ndarray:
    """Where the planes lie along the crop's normal, (frames * thickness,); some clips lack slices."""
    position = np.arange(frames, dtype=float)
    if frames > 2 and rng.random() < 0.08:
        position[rng.integers(1, frames) :] += rng.integers(1, 3)
    within = (np.arange(thickness) - thickness // 2) / thickness
    return ((position[:, None] + within) * crop.spacing).ravel()


def _pick_object(anatomy: Anatomy, rng: np.random.Generator) -> int:
    """An object's number, all orders of magnitude of size equally likely; one in five is a twin."""
    numbers = np.array([n for n in anatomy.boxes if anatomy.sizes[n] >= 30])
    twins = np.intersect1d(numbers, anatomy.twins)
    if len(twins) and rng.random() < 0.2:
        return int(rng.choice(twins))
    magnitudes = np.log2(anatomy.sizes[numbers]).astype(int) // 2
    return int(rng.choice(numbers[magnitudes == rng.choice(np.unique(magnitudes))]))


def _orientation(rng: np.random.Generator) -> np.ndarray:
    """Axes of the crop: near a grid axis as a rule, turned within the plane, flipped in half of the cases."""
    tilt = np.deg2rad(rng.uniform(0, 90) if rng.random() < 0.25 else rng.uniform(0, 20))
    turn, spin = rng.uniform(0, 2 * np.pi, 2)
    if rng.random() < 0.5:
        spin = rng.normal(0, 0.15) + rng.integers(4) * np.pi / 2
    normal, down, right = np.roll(np.eye(3), rng.choice(3, p=[0.6, 0.2, 0.2]), axis=0)
    lean = np.cos(turn) * down + np.sin(turn) * right
    across = np.cross(normal, lean)
    lean, normal = np.cos(tilt) * lean - np.sin(tilt) * normal, np.cos(tilt) * normal + np.sin(tilt) * lean
    spin -= turn
    down = np.cos(spin) * lean + np.sin(spin) * across
    right = np.cos(spin) * across - np.sin(spin) * lean
    return np.stack([normal, down, right]) * rng.choice([-1, 1], 3)[:, None]


def _aim(anatomy: Anatomy, rng: np.random.Generator, anchor: int, image_size: int, frames: int) -> Crop:
    """A crop in which the anchor's cross-section fills 14 to 95 % of the side, if that is not too close."""
    box = anatomy.boxes[anchor]
    voxels = np.argwhere(anatomy.objects[box] == anchor) + [part.start for part in box]
    axes = _orientation(rng)
    depths = voxels @ axes[0]
    ending = rng.random() < 0.5  # so near the object's end that it stops within the clip
    distance = np.ptp(depths) * rng.uniform(0.02, 0.3)
    nearest = np.abs(depths - (depths.max() - distance))
    pool = np.flatnonzero(nearest <= nearest.min() + 0.5) if ending else np.arange(len(voxels))
    middle, extent, width = _section(voxels, depths, axes, voxels[rng.choice(pool)])
    spacing = log_uniform(rng, 0.5, np.clip(0.33 * width, 0.8, 8))  # wider steps would lose small objects
    if ending:
        spacing = float(np.clip(distance / rng.uniform(0.5, frames - 0.5), 0.5, 8))
    length = max(anatomy.objects.shape)
    side = min(max(extent / log_uniform(rng, 0.14, 0.95), max(image_size / 9, 18)), length)
    reach = min(0.35 * side, max(0.0, (side - extent) / 2) + 0.05 * side)
    centres = middle + rng.uniform(-reach, reach, (3, 2)) @ axes[1:]
    centre = centres[np.linalg.norm(centres - length / 2, axis=1).argmin()]  # shows less beyond the volume
    last = centre + axes[0] * spacing * (frames - 1)
    if ((last < 0) | (last >= anatomy.objects.shape)).any():
        axes = axes * np.array([[-1], [1], [1]])
    return Crop(centre, axes, side, spacing, mirrored=bool(rng.random() < 0.8))


def _section(
    voxels: np.ndarray, depths: np.ndarray, axes: np.ndarray, seed: np.ndarray
) -> tuple[np.ndarray, float, float]:
    """Middle (3,), larger extent and mean width in voxels of the piece round ``seed`` that its plane cuts."""
    flat = np.round(voxels[np.abs(depths - seed @ axes[0]) <= 0.9] @ axes[1:].T).astype(int)
    low = flat.min(0)
    plane = np.zeros(np.ptp(flat, 0) + 3, bool)
    plane[tuple((flat - low + 1).T)] = True
    pieces, _ = ndimage.label(ndimage.binary_closing(plane) | plane)
    row, column = np.round(seed @ axes[1:].T).astype(int) - low + 1
    rows, columns = np.nonzero(pieces == pieces[row, column])
    middle = np.array([np.ptp(rows) / 2 + rows.min(), np.ptp(columns) / 2 + columns.min()]) - 1 + low
    extent = float(max(np.ptp(rows), np.ptp(columns)) + 1)
    return middle @ axes[1:] + (seed @ axes[0]) * axes[0], extent, len(rows) / extent


def cut(anatomy: Anatomy, crop: Crop, image_size: int, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes (n,) of the regions seen and the labels (planes, size, size), indices into them."""
    samples = int(np.clip(np.ceil(2 * crop.side), 16, image_size))
    along = (np.arange(samples) - (samples - 1) / 2) * (crop.side / samples)
    # Neighbouring samples lie a little before and behind the plane, so that smoothing also acts across it;
    # without smoothing that would leave a checkerboard.
    dither = np.tile([[-0.9, 0.3], [0.9, -0.3]], (samples // 2 + 1,) * 2)[:samples, :samples]
    dither = dither * (crop.side < image_size)
    index, inside = [], True
    for axis, length in enumerate(anatomy.objects.shape):
        normal, down, right = crop.axes[:, axis]
        plane = (along * down)[:, None] + along * right + dither * normal + crop.centre[axis]
        position = plane.astype(np.float32) + (depth * normal).astype(np.float32)[:, None, None]
        position = np.rint(position).astype(np.int32)
        inside = inside & (crop.mirrored | ((position >= 0) & (position < length)))
        folded = length - 1 - np.abs(length - 1 - np.abs(position))
        index.append(folded.clip(0, length - 1))
    flat = np.ravel_multi_index(tuple(index), anatomy.objects.shape)
    raw = anatomy.objects.ravel()[flat] * np.uint16(TISSUE_COUNT) + anatomy.tissues.ravel()[flat]
    raw[~inside] = OUTSIDE
    codes = np.flatnonzero(np.bincount(raw.ravel()))
    table = np.zeros(OUTSIDE + 1, np.uint8 if len(codes) < 256 else np.uint16)
    table[codes] = np.arange(len(codes))
    labels = table[raw]
    if crop.side >= image_size:
        return codes, labels
    return codes, _enlarge(labels, len(codes), image_size, round(_SMOOTHING * samples / crop.side, 1))


@lru_cache(maxsize=512)
def _enlarging(samples: int, size: int, sigma: float) -> np.ndarray:
    """Weights (size, samples) that enlarge and smooth along one axis; ``sigma`` in samples."""
    position = (np.arange(size) + 0.5) * samples / size - 0.5
    weights = np.exp(-0.5 * ((position[:, None] - np.arange(samples)) / sigma) ** 2)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def _enlarge(labels: np.ndarray, count: int, size: int, sigma: float) -> np.ndarray:
    """Labels on a finer grid (t, size, size) with smooth outlines: the strongest smoothed membership wins."""
    frames, samples, _ = labels.shape
    weights = _enlarging(samples, size, sigma)
    best = np.zeros((frames, size, size), np.float32)
    winner = np.zeros((frames, size, size), labels.dtype)
    margin = int(np.ceil(2 * sigma))
    for label, box in enumerate(ndimage.find_objects(labels.astype(np.int32) + 1, count)):
        _, rows, columns = (
            slice(max(part.start - margin, 0), min(part.stop + margin, samples)) if axis else part
            for axis, part in enumerate(box)
        )
        big_rows, big_columns = (
            slice(part.start * size // samples, -(-part.stop * size // samples)) for part in (rows, columns)
        )
        member = (labels[box[0], rows, columns] == label).astype(np.float32)
        member = weights[big_rows, rows] @ (member @ weights[big_columns, columns].T)
        pixels = box[0], big_rows, big_columns
        wins = member > best[pixels]
        winner[pixels][wins] = label
        np.maximum(best[pixels], member, out=best[pixels])
    return winner
