"""Names of files, as datasets use them."""

from collections.abc import Iterable
from pathlib import Path


def visible(paths: Iterable[Path]) -> list[Path]:
    """Paths in order, without hidden files such as those that macOS leaves in archives ("._case.nii.gz")."""
    return sorted(path for path in paths if not path.name.startswith("."))


def stem(path: Path) -> str:
    """The file's name without its ending, which for NIfTI may be double."""
    return path.name.removesuffix(".gz").rpartition(".")[0] or path.name
