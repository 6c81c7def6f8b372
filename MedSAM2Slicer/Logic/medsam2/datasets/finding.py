"""Recognises how a dataset is laid out: nnU-Net, the Decathlon, BTCV, REFUGE, NPZ files, or a list."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from medsam2.datasets.case import Case, stem
from medsam2.datasets.pairs import read_pairs
from medsam2.errors import InputError
from medsam2.strict_json import parsed_json

SPLITS = ("train", "test")
_NNUNET_FOLDERS = {"train": ("imagesTr", "labelsTr"), "test": ("imagesTs", "labelsTs")}
_CHANNEL = re.compile(r"(.+)_\d{4}")
# "Multi-Atlas Labeling Beyond the Cranial Vault" (Synapse syn3193805), abdomen.
_BTCV_PARTS = {"train": ("Training", "averaged"), "test": ("Testing",)}
_BTCV_STRUCTURES = {
    "spleen": 1,
    "right kidney": 2,
    "left kidney": 3,
    "gallbladder": 4,
    "esophagus": 5,
    "liver": 6,
    "stomach": 7,
    "aorta": 8,
    "inferior vena cava": 9,
    "portal vein and splenic vein": 10,
    "pancreas": 11,
    "right adrenal gland": 12,
    "left adrenal gland": 13,
}
_BTCV_FILE = re.compile(r"(?:img|label)(\d+)")
# Fundus photographs as MedSAM-2 releases them.
_REFUGE_FOLDERS = {"train": "Training-400", "test": "Test-400"}
_REFUGE_STRUCTURES = {"optic cup": 1}


def read_dataset(source: Path, split: str = "train") -> list[Case]:
    """The cases of a dataset, in an order that is always the same; no image is read yet.

    Args:
        source: a folder in the layout of nnU-Net or the Medical Segmentation Decathlon, BTCV or REFUGE; a
            folder of NPZ files; or a list of cases (.csv, .json). docs/evaluation.md shows each.
        split: ``"train"`` or ``"test"``, in layouts that have these parts; lists and NPZ files have none.

    Raises:
        InputError: the source does not exist, is laid out in no known way, or lacks the part.
    """
    source = Path(source)
    if split not in SPLITS:
        raise InputError(f"There is no part '{split}' of a dataset: choose train or test.")
    if source.suffix in (".csv", ".json") and source.is_file():
        return read_pairs(source)
    if not source.is_dir():
        raise InputError(f"{source} is no dataset: give a folder, or a list of cases (.csv, .json).")
    cases = next((found for find in LAYOUTS if (found := find(source, split))), None)
    if cases is None:
        raise InputError(
            f"{source} holds no cases for '{split}' in a known layout: arrange it as nnU-Net, the Decathlon, "
            "BTCV or REFUGE do, or list the cases in a .csv or .json file."
        )
    return cases


def _find_nnunet(folder: Path, split: str) -> list[Case] | None:
    """nnU-Net (versions 1 and 2), and the Decathlon, of whose channels the first counts.

    None where there is no dataset.json.

    Every image and every label counts, so that one without the other is noticed when it is read.
    """
    description = folder / "dataset.json"
    if not description.is_file():
        return None
    structures = _nnunet_structures(description)
    images_folder, labels_folder = (folder / name for name in _NNUNET_FOLDERS[split])
    if not labels_folder.is_dir():
        raise InputError(
            f"{folder} has no labels for '{split}': {labels_folder.name} is missing; "
            "add it, or take the other part (--split)."
        )
    labels = {stem(path): path for path in _visible(labels_folder.iterdir())}
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
    paths = {stem(path): path for path in _visible(folder.iterdir())} if folder.is_dir() else {}
    # A case may itself be called "x_0001", so names count as channels only where they are not cases.
    channels = {name: match[1] for name in paths if (match := _CHANNEL.fullmatch(name))}
    if cases & paths.keys() or len(channels) < len(paths):
        return paths
    # Backwards, so that the first channel stays.
    return {channels[name]: path for name, path in reversed(paths.items())}


def _ending(paths: list[Path]) -> str:
    return paths[0].name.removeprefix(stem(paths[0])) if paths else ""


def _nnunet_structures(path: Path) -> dict[str, int]:
    """Label value by name; empty, so that every value counts, where a name stands for several values.

    "ignore" is nnU-Net's name for voxels that nobody has annotated: no structure.
    """
    try:
        labels = parsed_json(path.read_bytes())["labels"]
        # Version 1 and the Decathlon map values to names, version 2 names to values.
        pairs = [
            (key, value) if isinstance(key, str) and not key.isdigit() else (value, key)
            for key, value in labels.items()
        ]
        if any(isinstance(value, list) for _, value in pairs):
            return {}
        return {str(name): int(value) for name, value in pairs if int(value) != 0 and name != "ignore"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{path} is not nnU-Net's ({error}): it must be JSON with labels such as "
            '{"background": 0, "liver": 1}.'
        ) from error


def _find_btcv(folder: Path, split: str) -> list[Case] | None:
    """``img/imgXXXX.nii.gz`` with ``label/labelXXXX.nii.gz``, here or in the part's folder; else None."""
    for part in (folder, *(folder / name for name in _BTCV_PARTS[split])):
        if (part / "img").is_dir() and (part / "label").is_dir():
            numbers = _btcv_numbers(part / "img") | _btcv_numbers(part / "label")
            return [_btcv_case(part, number) for number in sorted(numbers)]
    return None


def _btcv_numbers(folder: Path) -> set[str]:
    matches = (_BTCV_FILE.fullmatch(stem(path)) for path in _visible(folder.glob("*.nii.gz")))
    return {match[1] for match in matches if match}


def _btcv_case(part: Path, number: str) -> Case:
    image, label = part / "img" / f"img{number}.nii.gz", part / "label" / f"label{number}.nii.gz"
    return Case(f"img{number}", image, (label,), _BTCV_STRUCTURES)


def _find_refuge(folder: Path, split: str) -> list[Case] | None:
    """One case for each folder, with the masks of up to seven raters; None without the part's folder."""
    part = folder / _REFUGE_FOLDERS[split]
    return (
        [_refuge_case(case) for case in _visible(part.iterdir()) if case.is_dir()] if part.is_dir() else None
    )


def _refuge_case(folder: Path) -> Case:
    masks = _visible(folder.glob(f"{folder.name}_seg_cup_*_cropped.jpg"))
    return Case(folder.name, folder / f"{folder.name}_cropped.jpg", tuple(masks), _REFUGE_STRUCTURES)


def _find_npz(folder: Path, split: str) -> list[Case] | None:
    """One case for each NPZ file, as bowang-lab's MedSAM2 ships them; such a folder has no parts."""
    paths = _visible(folder.glob("*.npz"))
    return [Case(path.stem, path, (path,), {}) for path in paths] or None


def _visible(paths: Iterable[Path]) -> list[Path]:
    """Paths in order, without hidden files such as those that macOS leaves in archives ("._case.nii.gz")."""
    return sorted(path for path in paths if not path.name.startswith("."))


LAYOUTS: tuple[Callable[[Path, str], list[Case] | None], ...] = (
    _find_nnunet,
    _find_btcv,
    _find_refuge,
    _find_npz,
)
