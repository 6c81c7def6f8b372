"""One annotated image: where its files lie, and what they hold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medsam2.datasets.reading import read_image, read_labels
from medsam2.errors import InputError
from medsam2.volume import Geometry, Volume, read_label_names
from medsam2.volume.geometry import TOLERANCE

ROUNDING = 1e-3
"""Spacing, as a share, and direction cosines may differ so much, as programs round them in headers."""
MOST_VALUES = 255
"""Labels with more values than this are taken for an image given by mistake."""


@dataclass(frozen=True, eq=False)
class LabelledVolume:
    """An annotated image in memory.

    Attributes:
        name: of the case.
        volume: the image; a picture is one slice, grey.
        labels: (k, j, i) integer, 0 for background, on the grid of ``volume``.
        structures: label value by name, of those that are present.
    """

    name: str
    volume: Volume
    labels: np.ndarray
    structures: dict[str, int]


@dataclass(frozen=True)
class Case:
    """An annotated image on disk.

    Attributes:
        name: unique within its dataset.
        image: a DICOM folder, an image file, a picture, or an NPZ file.
        labels: a labelmap; of several, masks by several raters, the majority counts (value 1); for an NPZ
            file the same file.
        structures: label value by name; when empty every value is a structure, called as the file or the
            table beside it says, else "1", "2", and so on.
    """

    name: str
    image: Path
    labels: tuple[Path, ...]
    structures: dict[str, int]

    def read(self) -> LabelledVolume:
        """Read image and labels.

        Raises:
            InputError: a file is missing or damaged, the grids differ, or no structure is present; names
                the file.
        """
        return self.join(read_image(self.image), [read_labels(path) for path in self.labels])

    def join(self, image: Volume, labels: Sequence[Volume]) -> LabelledVolume:
        """What an image and its labels, as read, make together; raises InputError as ``read`` does."""
        if not labels:
            raise InputError(f"{self.image} has no labels: add them, or leave the image out.")
        for path, one in zip(self.labels, labels, strict=True):
            self._check_place(path, one.geometry, image.geometry)
        voxels = labels[0].voxels if len(labels) == 1 else _majority([one.voxels for one in labels])
        return LabelledVolume(self.name, image, voxels, self._present(voxels))

    def _check_place(self, path: Path, labels: Geometry, image: Geometry) -> None:
        if not labels.may_share_space_with(image):
            raise InputError(
                f"{path} has another DICOM frame of reference than {self.image}, as another scan or patient "
                "has: give the labels of this scan."
            )
        difference = _grid_difference(image, labels)
        if difference is not None:
            raise InputError(
                f"{path} is on another grid than {self.image}: {difference}; resample it to the image."
            )

    def _present(self, voxels: np.ndarray) -> dict[str, int]:
        values = {int(value) for value in np.unique(voxels) if value}
        if len(values) > MOST_VALUES:
            raise InputError(
                f"{self.labels[0]} holds {len(values)} different values, as an image does: give labels, 0 "
                "where there is no structure."
            )
        named = self.structures or self._named(sorted(values))
        present = {name: value for name, value in named.items() if value in values}
        if not present:
            wanted = ", ".join(self.structures) or "any"
            raise InputError(
                f"{self.labels[0]} holds no structure (looked for {wanted}): label one or leave the case out."
            )
        return present

    def _named(self, values: Sequence[int]) -> dict[str, int]:
        """Values by the names that the labels' file gives them."""
        names = read_label_names(self.labels[0])
        named: dict[str, int] = {}
        for value in values:
            name = names.get(value, str(value))
            named[f"{name} ({value})" if name in named else name] = value
        return named


def stem(path: Path) -> str:
    """The file's name without its ending, which for NIfTI may be double."""
    return path.name.removesuffix(".gz").rpartition(".")[0] or path.name


def _majority(masks: Sequence[np.ndarray]) -> np.ndarray:
    """1 where at least half of the masks are not 0 (as MedSAM-2's REFUGE reader does), else 0."""
    votes = np.sum([mask != 0 for mask in masks], axis=0)
    return (2 * votes >= len(masks)).astype(np.uint8)


def _grid_difference(image: Geometry, labels: Geometry) -> str | None:
    """The first difference between two grids in words, or None where they agree."""
    if labels.shape != image.shape:
        return f"its size is {_text(labels.shape)} voxels (k, j, i), not {_text(image.shape)}"
    if not np.allclose(labels.spacing, image.spacing, rtol=ROUNDING, atol=0):
        return f"its spacing is {_text(labels.spacing)} mm (k, j, i), not {_text(image.spacing)}"
    if not np.allclose(_directions(labels), _directions(image), rtol=0, atol=ROUNDING):
        return "its axes have other directions"
    if np.abs(image.ras_to_kji(_origin(labels))).max() <= TOLERANCE:
        return None
    return f"its origin is at {_text(_origin(labels))} mm (R, A, S), not {_text(_origin(image))}"


def _directions(geometry: Geometry) -> np.ndarray:
    return geometry.ijk_to_ras[:3, :3] / geometry.spacing[::-1]


def _origin(geometry: Geometry) -> np.ndarray:
    return geometry.ijk_to_ras[:3, 3]


def _text(numbers: Iterable[float]) -> str:
    return " x ".join(f"{number:g}" for number in numbers)
