"""Strokes and lassos that a person who knows the truth would draw, with a hand that is not quite steady."""

from itertools import product
from typing import NamedTuple

import contourpy
import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from medsam2.evaluation.user_prompts import PIXELS, Spacing, deepest_point, largest_slice
from medsam2.prompt import DrawnLine, Prompt

MOST_POSITIONS = 200
"""Of one line."""
END_DEPTH = 0.5
"""A stroke ends where the object gets narrower than this share of its usual width along the stroke."""
STROKE_SWAY = 0.2
"""How far the hand strays, in the quadratic mean, as a share of the object's depth there."""
LEAST_PART = 0.1
"""Parts of the object that are smaller than this share of the largest get no lasso of their own."""
SWINGS = 6
"""How often the hand changes its mind along a line."""


class Hand(NamedTuple):
    """How a lasso is drawn.

    Attributes:
        distance: from the object, as a share of the radius of a disc as large as it.
        sway: how far the hand strays, in the quadratic mean, as a share of that distance.
    """

    distance: float
    sway: float


CAREFUL, LOOSE = Hand(0.03, 1.0), Hand(0.1, 0.5)


def central_stroke(truth: np.ndarray, spacing: Spacing = PIXELS) -> Prompt:
    """A stroke along the middle of the largest part on the largest slice of a mask (k, j, i)."""
    index = largest_slice(truth)
    region = _parts(truth[index])[0]
    depth = ndimage.distance_transform_edt(np.pad(region, 1), sampling=spacing)[1:-1, 1:-1]
    path = _middle_line(region, depth, spacing)
    deep = depth[tuple(path.T)]
    inner = np.flatnonzero(deep >= END_DEPTH * np.median(deep))
    path, deep = path[inner[0] : inner[-1] + 1], deep[inner[0] : inner[-1] + 1]
    sway = STROKE_SWAY * _sway(len(path), int(truth.sum()), "nearest") * deep[:, None] / spacing
    return Prompt(index, strokes=(_line(path + sway, truth[index].shape),))


def lasso(truth: np.ndarray, spacing: Spacing = PIXELS, hand: Hand = LOOSE) -> Prompt:
    """A lasso a little outside of each larger part on the largest slice of a mask (k, j, i)."""
    index = largest_slice(truth)
    parts = _parts(ndimage.binary_fill_holes(truth[index]))
    seeds = range(int(truth.sum()), int(truth.sum()) + len(parts))
    lassos = (_round(part, spacing, hand, seed) for part, seed in zip(parts, seeds, strict=True))
    return Prompt(index, lassos=tuple(lassos))


def _round(part: np.ndarray, spacing: Spacing, hand: Hand, seed: int) -> DrawnLine:
    radius = float(np.sqrt(part.sum() * np.prod(spacing) / np.pi))
    distance = max(hand.distance * radius, 0.5 * min(spacing))
    # Padded: an outline may pass beyond the slice, and is drawn along its rim then.
    room = int(np.ceil(distance / min(spacing))) + 2
    away = ndimage.distance_transform_edt(~np.pad(part, room), sampling=spacing)
    outlines = map(np.asarray, contourpy.contour_generator(z=away).lines(distance))
    outline = max(outlines, key=len)[:-1, ::-1] - room
    sway = hand.sway * distance * _sway(len(outline), seed, "wrap") / spacing
    return _line(outline + sway, part.shape)


def _parts(region: np.ndarray) -> list[np.ndarray]:
    """The connected parts of a region (rows, columns) bool without the smallest, largest first."""
    labels, count = ndimage.label(region, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel())[1:]
    order = sorted(range(count), key=lambda part: -sizes[part])
    return [labels == part + 1 for part in order if sizes[part] >= LEAST_PART * sizes.max()]


def _middle_line(region: np.ndarray, depth: np.ndarray, spacing: Spacing) -> np.ndarray:
    """The way (N, 2) between the two voxels of a region that are farthest apart, through its middle."""
    voxels = np.argwhere(region)
    number = np.full(np.add(region.shape, 2), -1)
    number[1:-1, 1:-1][region] = np.arange(len(voxels))
    starts, ends, lengths = [], [], []
    for row, column in product((-1, 0, 1), repeat=2):
        beside = number[voxels[:, 0] + 1 + row, voxels[:, 1] + 1 + column]
        exists = (beside >= 0) & (beside != np.arange(len(voxels)))
        starts.append(np.flatnonzero(exists))
        ends.append(beside[exists])
        lengths.append(np.full(exists.sum(), np.hypot(row * spacing[0], column * spacing[1])))
    start, end, length = map(np.concatenate, (starts, ends, lengths))
    shape = (len(voxels), len(voxels))
    steps = coo_array((length, (start, end)), shape).tocsr()
    first = int(dijkstra(steps, indices=number[1:-1, 1:-1][deepest_point(region, spacing)]).argmax())
    last = int(dijkstra(steps, indices=first).argmax())
    # Near the outline a step costs more than it does in the middle.
    costs = coo_array((length / depth[tuple(voxels[end].T)] ** 2, (start, end)), shape).tocsr()
    before = dijkstra(costs, indices=first, return_predecessors=True)[1]
    way = [last]
    while way[-1] != first:
        way.append(before[way[-1]])
    return voxels[way]


def _sway(count: int, seed: int, mode: str) -> np.ndarray:
    """Smooth deviations (count, 2), 1 in the quadratic mean, the same for the same seed."""
    noise = np.random.default_rng(seed).normal(size=(count, 2))
    smooth = ndimage.gaussian_filter1d(noise, max(count / SWINGS / 2, 1e-3), axis=0, mode=mode)
    return smooth / np.sqrt((smooth**2).mean())


def _line(positions: np.ndarray, shape: tuple[int, ...]) -> DrawnLine:
    chosen = np.linspace(0, len(positions) - 1, min(len(positions), MOST_POSITIONS)).round().astype(int)
    kept = np.clip(positions[chosen], -0.5, np.array(shape) - 0.5)
    return DrawnLine(tuple((float(row), float(column)) for row, column in kept), True)
