"""Random body parts as label volumes: organs, vessels, bones, hollow organs, sheets and lesions.

They stand in for annotated scans when training the starter weights, so that no patient data is needed.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from medsam2_lab.synthetic.shapes import Canvas, log_uniform, smooth_noise
from medsam2_lab.synthetic.structures import (
    paint_bowel,
    paint_column,
    paint_limbed_gland,
    paint_lobed_gland,
    paint_ribs,
    paint_tree,
    paint_tube,
    random_position,
    settle,
)
from medsam2_lab.synthetic.tissues import pick_tissue


@dataclass(frozen=True)
class Anatomy:
    """One random body part on an isotropic grid.

    tissues: (k, j, i) uint8, the tissue of every voxel (numbers of ``synthetic.tissues.TISSUES``).
    objects: (k, j, i) uint8, the whole object a voxel belongs to, 0 for none; an object may hold several
        tissues, such as cortex and marrow, or wall and content.
    twins: numbers of the objects that lie in a row of their own kind, as vertebrae and ribs do.
    """

    tissues: np.ndarray
    objects: np.ndarray
    twins: tuple[int, ...] = ()

    @cached_property
    def boxes(self) -> dict[int, tuple[slice, slice, slice]]:
        """Bounding box of every object that is present."""
        return {n + 1: box for n, box in enumerate(ndimage.find_objects(self.objects)) if box is not None}

    @cached_property
    def sizes(self) -> np.ndarray:
        """Voxels of every object number, (256,)."""
        return np.bincount(self.objects.ravel(), minlength=256)


def make_anatomy(rng: np.random.Generator, size: int = 144) -> Anatomy:
    """One random body part of ``size`` voxels a side; the same generator state gives the same volume."""
    shape = (size, size, size)
    canvas = Canvas(np.zeros(shape, np.uint8), np.zeros(shape, np.uint8))
    _paint_organs(canvas, rng)
    for _ in range(rng.integers(0, 3)):
        _paint_sheet(canvas, rng)
    painters = [
        (_paint_blob, 12),
        (_paint_hollow, 3),
        (paint_bowel, 1),
        (paint_lobed_gland, 2),
        (paint_limbed_gland, 3),
        (paint_tree, 3),
        (_paint_bunch, 3),
        (paint_column, 2),
        (paint_ribs, 2),
        (paint_tube, 8),
        (_paint_lesion, 10),
    ]
    for painter, most in painters:
        for _ in range(rng.integers(0, most + 1)):
            if not canvas.full:
                painter(canvas, rng)
    if rng.random() < 0.7:
        _paint_outside(canvas, rng)
    _separate(canvas)
    return Anatomy(canvas.tissues, canvas.objects, tuple(canvas.twins))


def _cells(rng: np.random.Generator, low: float, high: float) -> tuple[int, int, int]:
    """Waves per axis, round a common log-uniform scale, each axis a little different."""
    scale = log_uniform(rng, low, high)
    k, j, i = (max(1, round(scale * log_uniform(rng, 0.6, 1.6))) for _ in range(3))
    return k, j, i


def _regions(
    rng: np.random.Generator, shape: tuple[int, int, int], count: int, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """Regions that touch with curved faces, and roughly the distance in voxels to their neighbours.

    Each voxel belongs to the largest of ``count`` smooth fields.
    """
    cells = _cells(rng, low, high)
    best = smooth_noise(rng, shape, cells)
    second = np.full(shape, -9, np.float32)
    winner = np.zeros(shape, np.uint8)
    for number in range(1, count):
        rival = smooth_noise(rng, shape, _cells(rng, low, high))
        winner[rival > best] = number
        np.maximum(second, np.minimum(best, rival), out=second)
        np.maximum(best, rival, out=best)
    best -= second
    return winner, best * np.float32(shape[0] / (4 * np.mean(cells)))


def _paint_organs(canvas: Canvas, rng: np.random.Generator) -> None:
    """Fill the volume with large regions, some of them divided once more; a third stay background.

    Fat lies between them in most volumes: a seam of uneven width that vanishes in places.
    """
    coarse, gap = _regions(rng, canvas.shape, int(rng.integers(3, 8)), 1.5, 5)
    fine, _ = _regions(rng, canvas.shape, int(rng.integers(2, 5)), 4, 14)
    for region in range(int(coarse.max()) + 1):
        divided = rng.random() < 0.35
        for part in range(int(fine.max()) + 1) if divided else [None]:
            mask = coarse == region if part is None else (coarse == region) & (fine == part)
            canvas.tissues[mask] = pick_tissue(
                rng, "soft", "soft", "soft", "soft", "fat", "fat", "lung", "fluid"
            )
            if rng.random() < 0.65:
                canvas.objects[mask] = canvas.new_object()
    if rng.random() < 0.7:
        width = log_uniform(rng, 0.7, 8) * (0.7 + smooth_noise(rng, canvas.shape, _cells(rng, 2, 8)))
        canvas.tissues[gap < width] = pick_tissue(rng, "fat")
        canvas.objects[gap < width] = 0


def _paint_sheet(canvas: Canvas, rng: np.random.Generator) -> None:
    """A thin curved layer: where a smooth field crosses a level, within part of the volume."""
    level = smooth_noise(rng, canvas.shape, _cells(rng, 1.5, 6))
    slope = float(np.abs(np.diff(level[::4, ::4], axis=2)).mean()) * 1.7
    mask = np.abs(level - rng.normal(0, 0.5)) < slope * log_uniform(rng, 1, 3)
    if rng.random() < 0.6:
        mask &= smooth_noise(rng, canvas.shape, _cells(rng, 1.5, 4)) > 0.3
    canvas.tissues[mask] = pick_tissue(rng, "fat", "soft", "skin", "cortex")
    if rng.random() < 0.5:
        canvas.objects[mask] = canvas.new_object()


def _paint_blob(canvas: Canvas, rng: np.random.Generator) -> None:
    """A compact organ or node, half of them with an inner part (capsule and pulp, cortex and marrow)."""
    radii = log_uniform(rng, 2.5, 45) * np.exp(rng.uniform(-0.6, 0.3, 3))
    outer, inner = [
        ("soft", "soft"),
        ("soft", "fluid"),
        ("cortex", "marrow"),
        ("soft", "lesion"),
        ("fat", "soft"),
    ][rng.integers(5)]
    layers = [(0, pick_tissue(rng, outer))]
    if rng.random() < 0.5:
        layers.append((max(1.2, radii.min() * rng.uniform(0.1, 0.6)), pick_tissue(rng, inner)))
    canvas.blob(rng, random_position(canvas, rng), radii, layers, canvas.new_object())


def _paint_bunch(canvas: Canvas, rng: np.random.Generator) -> None:
    """A group of small alike nodes or vessel sections, each its own object."""
    tissue, radius = pick_tissue(rng, "soft", "vessel"), log_uniform(rng, 1.5, 6)
    middle = random_position(canvas, rng)
    for _ in range(rng.integers(4, 13)):
        centre = middle + rng.normal(0, 4 * radius, 3)
        canvas.ball(centre, radius * np.exp(rng.uniform(-0.5, 0.5, 3)), tissue, canvas.new_object())


def _paint_lesion(canvas: Canvas, rng: np.random.Generator) -> None:
    radii = log_uniform(rng, 2, 16) * np.exp(rng.uniform(-0.4, 0.3, 3))
    layers = [(0, pick_tissue(rng, "lesion", "soft"))]
    if rng.random() < 0.25:
        layers.append(
            (max(1.2, radii.min() * rng.uniform(0.2, 0.6)), pick_tissue(rng, "lesion", "fluid", "cortex"))
        )
    number = canvas.new_object() if rng.random() < 0.6 else None  # None: part of the organ it lies in
    canvas.blob(rng, random_position(canvas, rng), radii, layers, number)


def _paint_hollow(canvas: Canvas, rng: np.random.Generator) -> None:
    """Wall and content, the content fluid below a flat level and gas above it in some."""
    number, wall = canvas.new_object(), pick_tissue(rng, "soft")
    content = pick_tissue(rng, "fluid", "soft", "gas", "vessel")
    radii = log_uniform(rng, 5, 32) * np.exp(rng.uniform(-0.5, 0.3, 3))
    centre = random_position(canvas, rng)
    thickness = log_uniform(rng, 1, 3.5)
    canvas.blob(rng, centre, radii, [(0, wall), (thickness, content)], number)
    if rng.random() < 0.5:
        settle(canvas, rng, number, content)


def _paint_outside(canvas: Canvas, rng: np.random.Generator) -> None:
    """Cut to a noisy ellipse: air outside, then skin and a layer of fat."""
    j, i = (np.linspace(-1, 1, length, dtype=np.float32) for length in canvas.shape[1:])
    a, b, tilt = rng.uniform(0.65, 1.2), rng.uniform(0.65, 1.2), rng.normal(0, 0.2)
    j0, i0 = rng.normal(0, 0.15, 2)
    rows, columns = (j[:, None] - j0) / a, (i - i0 + tilt * j[:, None]) / b
    reach = np.sqrt(rows**2 + columns**2) + 0.05 * smooth_noise(rng, canvas.shape, _cells(rng, 1.5, 4))
    voxel = 2 / canvas.shape[1]
    fat = 1 - log_uniform(rng, 1.5, 25) * voxel * (
        1 + 0.3 * smooth_noise(rng, canvas.shape, _cells(rng, 1.5, 4))
    )
    layers = ((fat, pick_tissue(rng, "fat")), (1 - rng.uniform(1.5, 3) * voxel, 4), (1, 0))
    for level, tissue in layers:
        mask = reach > level
        canvas.tissues[mask] = tissue
        canvas.objects[mask] = 0


def _separate(canvas: Canvas, least: int = 30) -> None:
    """Give every piece of an object that has fallen apart its own number; crumbs become background."""
    touching = np.ones((3, 3, 3))
    for index, box in enumerate(ndimage.find_objects(canvas.objects)):
        if box is None:
            continue
        part = canvas.objects[box]
        pieces, count = ndimage.label(part == index + 1, touching)
        if count == 1:
            continue
        numbers = np.zeros(count + 1, np.uint8)
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        for rank, piece in enumerate(np.argsort(-sizes)[:count]):
            if sizes[piece] >= least and not (rank and canvas.full):
                numbers[piece] = canvas.new_object() if rank else index + 1
        inside = pieces > 0
        part[inside] = numbers[pieces[inside]]
