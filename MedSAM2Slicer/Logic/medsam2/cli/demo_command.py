"""``medsam2 demo``: the main job in one command, without any data of one's own."""

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medsam2.cli.options import ThreadsOption, examples
from medsam2.errors import InputError

if TYPE_CHECKING:
    from medsam2.volume import Geometry

ORGAN = "liver"


EXAMPLES = examples("medsam2 demo", "medsam2 demo ct_folder --point L60.5,A12,I341 -o results")


def demo(
    image: Annotated[
        Path | None,
        typer.Argument(metavar="[IMAGE]", help="Image to segment; a synthetic CT when not given."),
    ] = None,
    point: Annotated[
        list[str] | None, typer.Option("--point", help="Click R,A,S in mm in IMAGE. May be repeated.")
    ] = None,
    folder: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.")] = Path("demo"),
    weights: Annotated[str, typer.Option(help="Name from 'medsam2 weights list', or a file.")] = "starter",
    threads: ThreadsOption = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the results of an earlier demo.")
    ] = False,
) -> None:
    """Segment an organ of a synthetic CT from one click."""
    if (image is None) != (not point):
        raise InputError("Give an image and where to click in it (--point R,A,S), or neither.")
    # Imported here, as SimpleITK would keep --help waiting.
    import numpy as np

    from medsam2.cli.backend_options import backend_client, local_backend
    from medsam2.cli.destinations import held_destinations
    from medsam2.cli.phantom import central_click, dice, make_phantom
    from medsam2.cli.prompt_options import PromptedObject, PromptOptions, objects_from_options
    from medsam2.cli.results import Outputs, describe, summary, write_files
    from medsam2.cli.segmentation import track
    from medsam2.cli.written_together import written_together
    from medsam2.prompt import Prompt
    from medsam2.volume import PALETTE, Volume, VolumeSlices, choose_axis, write_volume

    backend = local_backend(weights, threads=threads)
    truth, click = None, (0, 0, 0)
    if image is None:
        phantom = make_phantom()
        volume, truth = phantom.volume, phantom.labels[ORGAN]
        slices = VolumeSlices(volume, "k")
        click = central_click(truth)
        index, row, column = slices.position(np.array(click, float))
        objects = [PromptedObject(ORGAN, PALETTE[0], [Prompt(index, points=((row, column, True),))])]
    else:
        volume = Volume.read(image)
        slices = VolumeSlices(volume, choose_axis(volume.geometry))
        objects = objects_from_options(slices, PromptOptions(point or []))
    outputs = Outputs(folder / "demo.seg.nrrd", folder / "demo.png")
    scan = [folder / "phantom.nrrd"] if truth is not None else []
    written = outputs.files + scan
    read = [Path(weights)] + ([] if image is None else [image])
    with _made_folder(folder), held_destinations(written, read, overwrite):
        if truth is not None:
            typer.echo(f"Clicking in the middle of the {ORGAN}: {_places(volume.geometry, click)}")
        with backend_client(backend, "demo") as client:
            result = track(client, slices, objects)
        with written_together(written) as hidden:
            write_files(hidden, outputs, None, slices, objects, result)
            for path in scan:
                write_volume(hidden(path), slices.volume.voxels, slices.volume.geometry)
    typer.echo(describe(summary(slices, objects, result)))
    if truth is not None:
        typer.echo(f"Dice against the known truth: {dice(result.masks[ORGAN], truth):.3f}")
    typer.echo(f"Written to {folder}: {', '.join(path.name for path in written)}")
    if truth is not None:
        typer.echo(_how_to_go_on(folder, _millimetres(volume.geometry, click)))


def _millimetres(geometry: "Geometry", kji: tuple[int, int, int]) -> str:
    """R,A,S of a voxel, as --point takes them."""
    return ",".join(f"{number:g}" for number in geometry.kji_to_ras(kji).round(1))


def _places(geometry: "Geometry", kji: tuple[int, int, int]) -> str:
    return f"R,A,S {_millimetres(geometry, kji)} in mm, voxel i,j,k {','.join(map(str, kji[::-1]))}"


def _how_to_go_on(folder: Path, point: str) -> str:
    """Commands that work as they are where this one did."""
    scan, again, sheet = (folder / name for name in ("phantom.nrrd", "again.seg.nrrd", "where.png"))
    commands = [
        *_activation(),
        shlex.join(["medsam2", "info", str(scan), "--picture", str(sheet)]) + "     # where to click",
        shlex.join(["medsam2", "segment", str(scan), "--point", point, "-o", str(again)]),
        "medsam2 segment --help",
    ]
    return "\n".join(
        ["", "To go on, here or with a scan of your own in place of the phantom:", "", *commands]
    )


def _activation() -> list[str]:
    """What makes the command's environment that of the shell, where it is not yet."""
    environment = Path(sys.prefix)
    if sys.prefix == sys.base_prefix or os.environ.get("VIRTUAL_ENV") == sys.prefix:
        return []
    if os.name == "nt":
        return [str(environment / "Scripts" / "activate")]
    inside = environment.is_relative_to(Path.cwd())
    shown = environment.relative_to(Path.cwd()) if inside else environment
    return [f"source {shlex.quote(str(shown / 'bin' / 'activate'))}"]


@contextmanager
def _made_folder(folder: Path) -> Iterator[None]:
    """A folder for the block, which goes again if that ends early and it was made for nothing."""
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be made: choose another with -o.") from error
    try:
        yield
    except BaseException:
        if is_new:
            with suppress(OSError):  # something is in it
                folder.rmdir()
        raise
