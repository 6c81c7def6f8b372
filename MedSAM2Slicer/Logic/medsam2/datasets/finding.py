"""Recognises how a dataset is laid out."""

from collections.abc import Callable
from pathlib import Path

from medsam2.datasets.btcv import find_btcv
from medsam2.datasets.case import Case
from medsam2.datasets.files import visible
from medsam2.datasets.nnunet import find_nnunet
from medsam2.datasets.pairs import read_pairs
from medsam2.datasets.refuge import find_refuge
from medsam2.errors import InputError


def _find_npz(folder: Path, split: str) -> list[Case] | None:
    """One case for each NPZ file, as bowang-lab's MedSAM2 ships them; such a folder has no parts."""
    paths = visible(folder.glob("*.npz"))
    return [Case(path.stem, path, (path,), {}) for path in paths] or None


SPLITS = ("train", "test")
LAYOUTS: tuple[Callable[[Path, str], list[Case] | None], ...] = (
    find_nnunet,
    find_btcv,
    find_refuge,
    _find_npz,
)


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
