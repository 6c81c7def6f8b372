"""``medsam2 info``: what an image holds, and where to click in it."""

import json
from pathlib import Path
from typing import Annotated

import typer

from medsam2.cli.read_choices import (
    ModalityChoice,
    NanChoice,
    ResampleChoice,
    SeriesChoice,
    SkipDamagedChoice,
    VolumeChoice,
)
from medsam2.errors import InputError


def info(
    image: Annotated[Path, typer.Argument(help="DICOM folder, or a file: NIfTI, NRRD, MHA, PNG, …")],
    picture: Annotated[
        Path | None, typer.Option(help="PNG to write: slices with voxel indices and millimetres.")
    ] = None,
    chosen: Annotated[
        list[int] | None,
        typer.Option(
            "--slice", help="Slice in the picture; some evenly spaced if not given. May be repeated."
        ),
    ] = None,
    volume: VolumeChoice = None,
    series: SeriesChoice = None,
    skip_damaged: SkipDamagedChoice = False,
    resample: ResampleChoice = False,
    nan: NanChoice = None,
    modality: ModalityChoice = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
) -> None:
    """Show what IMAGE holds: size, spacing, orientation, intensities, and where to click in it."""
    # Imported here, as SimpleITK would keep --help waiting.
    from medsam2.cli.image_facts import describe, facts, is_placed
    from medsam2.cli.place_picture import write_place_picture
    from medsam2.cli.segment_command import check_picture_name
    from medsam2.cli.segmentation import check_destination
    from medsam2.volume import ReadOptions, Volume, VolumeSlices, complete_file, slice_axis

    if chosen and picture is None:
        raise InputError("--slice chooses what is drawn: give --picture FILE.png too.")
    if picture is not None:
        check_picture_name(picture)
        check_destination(picture)
    scan = Volume.read(image, ReadOptions(series, volume, skip_damaged, resample, nan, modality))
    placed = is_placed(image)
    report = facts(scan, placed)
    if picture is not None:
        slices = VolumeSlices(scan, slice_axis(scan.geometry))
        with complete_file(picture) as unfinished:
            write_place_picture(unfinished, slices, chosen or (), placed)
    typer.echo(json.dumps(report) if as_json else describe(report))
