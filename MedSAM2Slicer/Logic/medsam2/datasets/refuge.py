"""The layout of REFUGE (fundus photographs, optic cup) as MedSAM-2 releases it."""

from pathlib import Path

from medsam2.datasets.case import Case
from medsam2.datasets.files import visible

FOLDERS = {"train": "Training-400", "test": "Test-400"}
STRUCTURES = {"optic cup": 1}


def find_refuge(folder: Path, split: str) -> list[Case] | None:
    """One case for each folder, with the masks of up to seven raters; None without the part's folder."""
    part = folder / FOLDERS[split]
    return [_case(case) for case in visible(part.iterdir()) if case.is_dir()] if part.is_dir() else None


def _case(folder: Path) -> Case:
    masks = visible(folder.glob(f"{folder.name}_seg_cup_*_cropped.jpg"))
    return Case(folder.name, folder / f"{folder.name}_cropped.jpg", tuple(masks), STRUCTURES)
