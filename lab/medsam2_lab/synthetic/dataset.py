"""A dataset of synthetic scans with labels, in the layout of nnU-Net."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from medsam2.cli.progress import stages
from medsam2.complete_file import complete_file, hidden_folder_beside
from medsam2.errors import InputError
from medsam2.volume import write_labelmap, write_volume
from medsam2_lab.synthetic.volumes import MOST_STRUCTURES, make_scan


def write_dataset(folder: Path, count: int, modalities: Sequence[str], seed: int) -> None:
    """Make scans of the modalities in turn.

    Args:
        folder: to make; it does not exist yet, or is empty.
        count: how many scans.
        modalities: some of CT, MR and US.
        seed: number of the first scan; the same number gives the same scan.

    Raises:
        InputError: the folder holds something or cannot be written.
    """
    with _complete_folder(folder) as made, stages() as progress:
        progress.begin("Making scans", count, "scans")
        for number in range(seed, seed + count):
            modality = modalities[number % len(modalities)]
            scan, name = make_scan(number, modality), f"{modality.lower()}_{number:04}"
            image, label = made / "imagesTr" / f"{name}_0000.nii.gz", made / "labelsTr" / f"{name}.nii.gz"
            write_volume(image, scan.volume.voxels, scan.volume.geometry)
            write_labelmap(label, scan.labels, scan.volume.geometry)
            progress.advance()
        structures = {f"structure {value}": value for value in range(1, MOST_STRUCTURES + 1)}
        description = {
            "channel_names": {"0": " or ".join(modalities)},
            "labels": {"background": 0, **structures},
            "numTraining": count,
            "file_ending": ".nii.gz",
        }
        with complete_file(made / "dataset.json") as unfinished:
            unfinished.write_text(json.dumps(description, indent=1), encoding="utf-8")


@contextmanager
def _complete_folder(folder: Path) -> Iterator[Path]:
    """A folder beside ``folder``, whose place it takes when all of the dataset is in it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} holds something already: name a new folder.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be made: choose another.") from error
    with hidden_folder_beside(folder) as hidden:
        made = hidden / "made"
        for part in ("imagesTr", "labelsTr"):
            (made / part).mkdir(parents=True)
        yield made
        if folder.exists():
            folder.rmdir()
        made.rename(folder)
