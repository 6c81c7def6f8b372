"""nnU-Net's layout (versions 1 and 2), which is that of the Medical Segmentation Decathlon with channels."""

import json
import re
from pathlib import Path

from medsam2.datasets.case import Case
from medsam2.datasets.files import stem, visible
from medsam2.errors import InputError

FOLDERS = {"train": ("imagesTr", "labelsTr"), "test": ("imagesTs", "labelsTs")}
_CHANNEL = re.compile(r"(.+)_\d{4}")


def find_nnunet(folder: Path, split: str) -> list[Case] | None:
    """The cases of one part; of several channels the first. None where there is no dataset.json.

    Every image and every label counts, so that one without the other is noticed when it is read.
    """
    description = folder / "dataset.json"
    if not description.is_file():
        return None
    structures = _structures(description)
    images_folder, labels_folder = (folder / name for name in FOLDERS[split])
    if not labels_folder.is_dir():
        raise InputError(
            f"{folder} has no labels for '{split}': {labels_folder.name} is missing; "
            "add it, or take the other part (--split)."
        )
    labels = {stem(path): path for path in visible(labels_folder.iterdir())}
    images = _images(images_folder, set(labels))
    ending = _ending([*labels.values(), *images.values()])
    return [
        Case(
            name,
            images.get(name, images_folder / f"{name}{ending}"),
            (labels.get(name, labels_folder / f"{name}{ending}"),),
            structures,
        )
        for name in sorted({*labels, *images})
    ]


def _images(folder: Path, cases: set[str]) -> dict[str, Path]:
    """The first channel of every image by the name of its case."""
    paths = {stem(path): path for path in visible(folder.iterdir())} if folder.is_dir() else {}
    # A case may itself be called "x_0001", so names count as channels only where they are not cases.
    channels = {name: match[1] for name in paths if (match := _CHANNEL.fullmatch(name))}
    if cases & paths.keys() or len(channels) < len(paths):
        return paths
    # Backwards, so that the first channel stays.
    return {channels[name]: path for name, path in reversed(paths.items())}


def _ending(paths: list[Path]) -> str:
    return paths[0].name.removeprefix(stem(paths[0])) if paths else ""


def _structures(path: Path) -> dict[str, int]:
    """Label value by name; empty, so that every value counts, where a name stands for several values.

    "ignore" is nnU-Net's name for voxels that nobody has annotated: no structure.
    """
    try:
        labels = json.loads(path.read_text(encoding="utf-8"))["labels"]
        # Version 1 and the Decathlon map values to names, version 2 names to values.
        pairs = [
            (key, value) if isinstance(key, str) and not key.isdigit() else (value, key)
            for key, value in labels.items()
        ]
        if any(isinstance(value, list) for _, value in pairs):
            return {}
        return {str(name): int(value) for name, value in pairs if int(value) != 0 and name != "ignore"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f'{path} is not nnU-Net\'s: it must be JSON with labels such as {{"background": 0, "liver": 1}}.'
        ) from error
