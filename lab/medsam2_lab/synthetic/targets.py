"""Which objects of a clip can be asked for, and where they are from frame to frame."""

import numpy as np
from scipy import ndimage

from medsam2_lab.synthetic.tissues import TISSUE_COUNT

LEAST_SHARE, _MOST_SHARE = 0.003, 0.7
"""Shares of the crop that targets cover: smaller ones get a closer crop in use."""
OUTSIDE = 255 * TISSUE_COUNT
"""Code of samples beyond the volume; object 255 is never painted."""
_CONTRAST, _SEEN_SHARE = 0.03, 0.4  # an outline is visible where the brightness differs by so much
_WHOLE_SHARE = 0.25  # how often an object that a slice cuts into several pieces is asked for with all of them


def targets(
    rng: np.random.Generator, codes: np.ndarray, labels: np.ndarray, anchor: int, objects: int
) -> list[np.ndarray]:
    """Masks (t, y, x) of the anchor (first) and of other regions, none where the anchor is too small.

    Args:
        codes: object and tissue of every region, (n,): object * ``TISSUE_COUNT`` + tissue.
        labels: the region of every pixel, (t, y, x), indices into ``codes``.
    """
    least = round(LEAST_SHARE * labels[0].size)
    owners = codes // TISSUE_COUNT
    areas = np.bincount(labels[0].ravel(), minlength=len(codes))
    seen = np.flatnonzero((areas >= least) & (codes != OUTSIDE) & (codes % TISSUE_COUNT != 0))
    weights = np.sqrt(areas[seen] / areas[seen].sum())  # larger regions are likelier, but not by much
    weights /= weights.sum()
    masks: list[np.ndarray] = []
    for turn in range(2 * objects):
        if turn == 0:
            regions = _regions_of(rng, owners, seen, anchor)
        else:
            pick = int(rng.choice(seen, p=weights))
            regions = _regions_of(rng, owners, seen, owners[pick]) if owners[pick] else np.array([pick])
        mask = _follow(rng, np.isin(np.arange(len(codes)), regions)[labels], least)
        if mask is not None and not any((mask[0] == other[0]).all() for other in masks):
            masks.append(mask)
        if not masks or len(masks) == objects:
            break
    return masks


def _regions_of(rng: np.random.Generator, owners: np.ndarray, seen: np.ndarray, number: int) -> np.ndarray:
    """Labels of a whole object, or of one of its tissues in a third of the cases."""
    whole = np.flatnonzero(owners == number)
    parts = np.intersect1d(whole, seen)
    if len(whole) > 1 and len(parts) and rng.random() < 0.35:
        return rng.choice(parts, 1)
    return whole


def _follow(rng: np.random.Generator, region: np.ndarray, least: int) -> np.ndarray | None:
    """A random piece of ``region`` in frame 0, now and then all of them, and what continues it in each frame.

    None where no piece has between ``least`` pixels and ``_MOST_SHARE`` of the crop.
    """
    pieces, count = ndimage.label(region[0])
    if not count:
        return None
    sizes = np.bincount(pieces.ravel())[1:]
    large = np.flatnonzero((sizes >= least) & (sizes <= _MOST_SHARE * region[0].size))
    if not len(large):
        return None
    mask = np.zeros_like(region)
    whole = rng.random() < _WHOLE_SHARE and region[0].mean() <= _MOST_SHARE
    mask[0] = region[0] if whole else pieces == rng.choice(large) + 1
    reach = max(2, region.shape[1] // 24)
    for frame in range(1, len(region)):
        pieces, count = ndimage.label(region[frame])
        if count == 1:
            mask[frame] = region[frame]
        elif count:
            near = ndimage.uniform_filter(mask[frame - 1].astype(np.float32), 2 * reach + 1) > 1e-4
            touched = np.bincount(pieces[near], minlength=count + 1) > 0
            touched[0] = False
            mask[frame] = touched[pieces]
    return mask


def is_visible(image: np.ndarray, mask: np.ndarray) -> bool:
    """Whether the brightness changes along enough of a mask's outline; image and mask (y, x)."""
    width = max(3, len(image) // 32) | 1
    rows, columns = (
        slice(max(part.start - width, 0), part.stop + width)
        for part in ndimage.find_objects(mask.astype(np.uint8))[0]
    )
    image, mask = image[rows, columns], mask[rows, columns]
    inside = mask.astype(np.float32)
    share = ndimage.uniform_filter(inside, width)
    light = ndimage.uniform_filter(image * inside, width)
    total = ndimage.uniform_filter(image, width)
    outline = mask & (share < 0.9)
    share, light, total = share[outline], light[outline], total[outline]
    difference = np.abs(light / share - (total - light) / (1 - share))
    return bool(len(difference)) and float(np.mean(difference > _CONTRAST)) >= _SEEN_SHARE
