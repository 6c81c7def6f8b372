"""``medsam2 demo``: the main job in one command, without any data of one's own."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from medsam2.cli.phantom import central_click, make_phantom
from medsam2.cli.prompt_options import PALETTE, PromptedObject, objects_from_options
from medsam2.cli.segmentation import describe, make_tracker, summary, track, write_masks, write_sheet
from medsam2.errors import InputError
from medsam2.tracking import Prompt, VolumeSlices
from medsam2.volume import Volume, write_volume
from medsam2.weights.loading import load_model

ORGAN = "liver"


def demo(
    image: Annotated[
        Path | None, typer.Argument(help="Image to segment; a synthetic CT when not given.")
    ] = None,
    point: Annotated[
        list[str] | None, typer.Option("--point", help="Click R,A,S in mm in IMAGE. May be repeated.")
    ] = None,
    folder: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.")] = Path("demo"),
    weights: Annotated[str, typer.Option(help="Name from 'medsam2 weights list', or a file.")] = "starter",
) -> None:
    """Click once in a synthetic CT, track through it, and write the mask and a picture."""
    if (image is None) != (not point):
        raise InputError("Give an image and where to click in it (--point R,A,S), or neither.")
    truth = None
    if image is None:
        phantom = make_phantom()
        volume, truth = phantom.volume, phantom.labels[ORGAN]
        slices = VolumeSlices(volume, "k")
        index, row, column = slices.place(np.array(central_click(truth), float))
        objects = [PromptedObject(ORGAN, PALETTE[0], [Prompt(index, points=((row, column, True),))])]
    else:
        slices = VolumeSlices(Volume.read(image), "k")
        objects = objects_from_options(slices, point, None, None, None, ijk=False)
    result = track(make_tracker(load_model(weights), slices, "auto", "temporal"), objects)
    _make_folder(folder)
    if truth is not None:
        write_volume(folder / "phantom.nrrd", slices.volume.voxels, slices.volume.geometry)
    write_masks(folder / "demo.seg.nrrd", slices, objects, result)
    write_sheet(folder / "demo.png", slices, objects, result)
    typer.echo(describe(summary(slices, objects, result)))
    if truth is not None:
        typer.echo(f"Dice against the known truth: {_dice(result.masks[ORGAN], truth):.3f}")
    typer.echo(f"Written to {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be made: choose another with -o.") from error


def _dice(predicted: np.ndarray, truth: np.ndarray) -> float:
    return float(2 * (predicted & truth).sum() / (predicted.sum() + truth.sum()))
