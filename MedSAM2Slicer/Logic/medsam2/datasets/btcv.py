"""The layout of BTCV, "Multi-Atlas Labeling Beyond the Cranial Vault" (Synapse syn3193805), abdomen."""

import re
from pathlib import Path

from medsam2.datasets.case import Case
from medsam2.datasets.files import stem, visible

PARTS = {"train": ("Training", "averaged"), "test": ("Testing",)}
STRUCTURES = {
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
_FILE = re.compile(r"(?:img|label)(\d+)")


def find_btcv(folder: Path, split: str) -> list[Case] | None:
    """``img/imgXXXX.nii.gz`` with ``label/labelXXXX.nii.gz``, here or in the part's folder; else None."""
    for part in (folder, *(folder / name for name in PARTS[split])):
        if (part / "img").is_dir() and (part / "label").is_dir():
            numbers = _numbers(part / "img") | _numbers(part / "label")
            return [_case(part, number) for number in sorted(numbers)]
    return None


def _numbers(folder: Path) -> set[str]:
    matches = (_FILE.fullmatch(stem(path)) for path in visible(folder.glob("*.nii.gz")))
    return {match[1] for match in matches if match}


def _case(part: Path, number: str) -> Case:
    image, label = part / "img" / f"img{number}.nii.gz", part / "label" / f"label{number}.nii.gz"
    return Case(f"img{number}", image, (label,), STRUCTURES)
