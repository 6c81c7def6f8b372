"""A folder of NPZ files, as bowang-lab's MedSAM2 ships and reads them."""

from pathlib import Path

from medsam2.datasets.case import Case
from medsam2.datasets.files import visible


def find_npz(folder: Path, split: str) -> list[Case] | None:
    """One case for each NPZ file; such a folder has no parts. None where there is no such file."""
    paths = visible(folder.glob("*.npz"))
    return [Case(path.stem, path, (path,), {}) for path in paths] or None
