"""``medsam2 synthesise``: a dataset of synthetic scans with labels."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from medsam2.cli.examples import examples
from medsam2.errors import InputError

EXAMPLES = examples(
    "medsam2 synthesise made --count 20 --modality CT",
)


class Modality(str, Enum):
    """What the scans imitate."""

    CT = "CT"
    MR = "MR"
    US = "US"


def synthesise(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder to make; it must not exist yet, or be empty.")
    ],
    count: Annotated[int, typer.Option(min=1, help="How many scans.")] = 10,
    modality: Annotated[
        list[Modality] | None, typer.Option(help="May be repeated; all of them if not.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Number of the first scan; the same number gives the same scan.")
    ] = 0,
) -> None:
    """Make synthetic scans with labels, to train or evaluate with.

    They are in the layout of nnU-Net.
    """
    # Imported here, as SimpleITK would keep --help waiting.
    from medsam2.cli.progress import stages
    from medsam2.synthetic.volumes import MOST_STRUCTURES, make_scan
    from medsam2.volume import complete_file, write_labelmap, write_volume

    kinds = modality or list(Modality)
    with _complete_folder(folder) as made, stages() as progress:
        progress.begin("Making scans", count, "scans")
        for number in range(seed, seed + count):
            kind = kinds[number % len(kinds)].value
            scan, name = make_scan(number, kind), f"{kind.lower()}_{number:04}"
            image, label = made / "imagesTr" / f"{name}_0000.nii.gz", made / "labelsTr" / f"{name}.nii.gz"
            write_volume(image, scan.volume.voxels, scan.volume.geometry)
            write_labelmap(label, scan.labels, scan.volume.geometry)
            progress.advance()
        structures = {f"structure {value}": value for value in range(1, MOST_STRUCTURES + 1)}
        description = {
            "channel_names": {"0": " or ".join(kind.value for kind in kinds)},
            "labels": {"background": 0, **structures},
            "numTraining": count,
            "file_ending": ".nii.gz",
        }
        with complete_file(made / "dataset.json") as unfinished:
            unfinished.write_text(json.dumps(description, indent=1), encoding="utf-8")
    typer.echo(f"{count} scans with labels in {folder}")


@contextmanager
def _complete_folder(folder: Path) -> Iterator[Path]:
    """A folder beside ``folder``, whose place it takes when all of the dataset is in it."""
    from medsam2.volume.writing import hidden_folder_beside

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
