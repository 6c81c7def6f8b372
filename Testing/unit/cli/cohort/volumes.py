"""Small volumes with a ball in them, and cases on them."""

from pathlib import Path

import numpy as np
import SimpleITK

from medsam2.cli.cohort.case import Case

SHAPE = (6, 48, 48)
SPACING = (1.0, 1.0, 3.0)
MIDDLE = "20,24,3"
"""The ball's, as i,j,k."""


def write(path: Path, voxels: np.ndarray, origin=(0.0, 0.0, 0.0)) -> Path:
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing(SPACING)
    image.SetOrigin(origin)
    SimpleITK.WriteImage(image, str(path))
    return path


def read(path: Path) -> np.ndarray:
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))


def ball(radius: float = 8.0, middle=(3, 24, 20)) -> np.ndarray:
    """Which voxels (k, j, i) lie in a ball."""
    k, j, i = np.mgrid[tuple(map(slice, SHAPE))]
    return ((k - middle[0]) * 3) ** 2 + (j - middle[1]) ** 2 + (i - middle[2]) ** 2 < radius**2


def scan(path: Path, **place) -> Path:
    """A bright ball in a dim CT."""
    return write(path, np.where(ball(), 150, -20).astype(np.int16), **place)


def case(folder: Path, name: str = "a", **cells: str) -> Case:
    """A case on ``NAME.nrrd`` beside the folder of results, with a click unless there are other prompts."""
    prompts = {"box", "stroke", "lasso", "mask", "prompts"} & set(cells)
    click = {} if prompts else {"point": MIDDLE, "ijk": "yes"}
    results = folder / "results"
    results.mkdir(exist_ok=True)
    return Case(name, {"image": f"{name}.nrrd", **click, **cells}, folder, results)
