"""Sets of small colour images for tests: a bright disc on each, which is the object."""

from pathlib import Path

import numpy as np
import SimpleITK

SHAPE = (60, 80)


def disc(number: int) -> np.ndarray:
    """Where it is on an image, (rows, columns) bool."""
    row, column = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return (row - 20 - number % 5) ** 2 + (column - 30 - 3 * (number % 7)) ** 2 < 150


def writeImages(folder: Path, count: int) -> list[Path]:
    """Images ``image_0.png`` and so on."""
    folder.mkdir(parents=True)
    return [writeImage(folder / f"image_{number}.png", number) for number in range(count)]


def writeImage(path: Path, number: int) -> Path:
    """One of them."""
    pixels = np.full((*SHAPE, 3), (120, 60, 40), np.uint8)
    pixels[disc(number)] = (230, 200, 110)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(pixels, isVector=True), str(path))
    return path
