"""Small labelled volumes: striped balls in a grey block, which the starter weights take for many objects."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from medsam2.datasets import Case, LabelledVolume, read_dataset
from medsam2.training.clip_batch import ClipBatch, collate
from medsam2.training.labelled_clips import ClipSource
from medsam2.volume import Geometry, Volume, write_labelmap, write_volume

GEOMETRY = Geometry((7, 56, 56), np.diag([2.0, 2.0, 4.0, 1.0]))
THIN = slice(2, 5)
"""Slices of the ball that are enough for validation, which tracks them all."""


def striped_ball(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Hounsfield units and labels (k, j, i); the ball is as bright as its surroundings on average."""
    rng = np.random.default_rng(seed)
    k, j, i = np.indices(GEOMETRY.shape, dtype=float)
    centre = np.array([3, 28, 28]) + rng.uniform(-1, 1, 3) * (0.5, 8, 8)
    radii = rng.uniform((2.5, 12, 12), (3.5, 16, 16))
    places = zip((k, j, i), centre, radii, strict=True)
    ball = sum(((axis - middle) / radius) ** 2 for axis, middle, radius in places) < 1
    angle = rng.uniform(0, np.pi)
    stripes = np.sin((j * np.cos(angle) + i * np.sin(angle)) * 2 * np.pi / rng.uniform(7, 9)) > 0
    image = np.where(ball, np.where(stripes, 200, 0), 100) + rng.normal(0, 12, GEOMETRY.shape)
    return image.astype(np.int16), ball.astype(np.uint8)


def labelled_ball(seed: int) -> LabelledVolume:
    """The same as a case in memory."""
    image, labels = striped_ball(seed)
    return LabelledVolume("ball", Volume(image, GEOMETRY, "CT"), labels, {"ball": 1})


def write_set(folder: Path, seeds: range, slices: slice = slice(None)) -> Path:
    """A list of cases, one for each seed, with their files; of some slices."""
    folder.mkdir()
    lines = ["image,label"]
    for seed in seeds:
        image, labels = (array[slices] for array in striped_ball(seed))
        geometry = Geometry(image.shape, GEOMETRY.ijk_to_ras)
        write_volume(folder / f"{seed}_ct.nii.gz", image, geometry)
        write_labelmap(folder / f"{seed}_label.nii.gz", labels, geometry)
        lines.append(f"{seed}_ct.nii.gz,{seed}_label.nii.gz")
    (folder / "cases.csv").write_text("\n".join(lines) + "\n")
    return folder / "cases.csv"


def cases_in(folder: Path, seeds: range, slices: slice = slice(None)) -> list[Case]:
    """The same as cases to read."""
    return read_dataset(write_set(folder, seeds, slices))


def a_batch(frames: int, objects: int = 2) -> ClipBatch:
    """One clip of 64 pixels in which every object is a striped ball on every slice."""
    source = ClipSource(labelled_ball(0))
    rng = np.random.default_rng(0)
    return collate([source.cut(rng, 64, frames, 1) for _ in range(objects)])


def tensors(state: Any) -> Iterator[torch.Tensor]:
    """All tensors of a state, in order."""
    if isinstance(state, torch.Tensor):
        yield state
    elif isinstance(state, dict):
        for value in state.values():
            yield from tensors(value)


def same_tensors(one: Any, other: Any) -> bool:
    """Whether two states are equal to the last bit."""
    pairs = list(zip(tensors(one), tensors(other), strict=True))
    return len(pairs) > 0 and all(torch.equal(a, b) for a, b in pairs)
