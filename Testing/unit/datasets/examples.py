"""Tiny datasets in every layout."""

import json
from pathlib import Path

import numpy as np
import SimpleITK

from medsam2.datasets import Problem, check_cases, read_dataset

SHAPE = (3, 8, 10)
LABELS = np.zeros(SHAPE, np.uint8)
LABELS[0:2, 2:6, 3:7] = 1
LABELS[1:3, 6:8, 0:2] = 2


def image_file(path: Path, voxels: np.ndarray, spacing=(1.0, 1.0, 3.0), **header) -> Path:
    """Write voxels (k, j, i); ``header`` holds an origin or a direction."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing(spacing[: voxels.ndim])
    if "origin" in header:
        image.SetOrigin(header["origin"])
    if "direction" in header:
        image.SetDirection(header["direction"])
    SimpleITK.WriteImage(image, str(path))
    return path


def scan(path: Path, **header) -> Path:
    return image_file(path, np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE), **header)


def labelmap(path: Path, labels: np.ndarray = LABELS, **header) -> Path:
    return image_file(path, labels, **header)


def pair_list(folder: Path, *pairs: tuple[str, str]) -> Path:
    """A CSV list of (image, label)."""
    path = folder / "cases.csv"
    path.write_text("image,label\n" + "".join(f"{image},{label}\n" for image, label in pairs))
    return path


def problems(source: Path) -> list[Problem]:
    return check_cases(read_dataset(source))


def nnunet_description(folder: Path, labels: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.json").write_text(json.dumps({"labels": labels}))
