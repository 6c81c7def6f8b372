"""``medsam2 info``: what an image holds, and where to click in it."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from medsam2.cli.options import (
    ModalityOption,
    NanOption,
    ResampleOption,
    SeriesOption,
    SkipDamagedOption,
    VolumeOption,
    examples,
)
from medsam2.errors import InputError
from medsam2.plain_matplotlib import load_matplotlib

EXAMPLES = examples(
    "medsam2 info ct_folder",
    "medsam2 info ct_folder --volume 2 --picture places.png",
    "medsam2 info mr.nii.gz --picture places.png --axis sagittal --slice 40",
    "medsam2 info heart.seq.nrrd --time 3 --picture places.png",
)


def info(
    image: Annotated[
        Path, typer.Argument(metavar="IMAGE", help="DICOM folder, or a file: NIfTI, NRRD, MHA, PNG, …")
    ],
    picture: Annotated[
        Path | None, typer.Option(help="PNG to write: slices with voxel indices and millimetres.")
    ] = None,
    axis: Annotated[
        str, typer.Option(help="Slices to draw: axial, coronal, sagittal, k, j or i; auto: the thickest.")
    ] = "auto",
    chosen: Annotated[
        list[int] | None,
        typer.Option("--slice", help="Slice to draw; some evenly spaced ones if not given. May be repeated."),
    ] = None,
    time: Annotated[
        int | None, typer.Option(min=0, help="Time point to show of an image that has several; else 0.")
    ] = None,
    volume: VolumeOption = None,
    series: SeriesOption = None,
    skip_damaged: SkipDamagedOption = False,
    resample: ResampleOption = False,
    nan: NanOption = None,
    modality: ModalityOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a picture that exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON, errors too.")] = False,
) -> None:
    """Show what an image holds, and where to click in it."""
    # Imported here, as SimpleITK would keep --help waiting.
    from medsam2.cli.destinations import held_destinations
    from medsam2.cli.info_report import dicom_volumes, facts, is_placed, sequence_to_show, volume_rows
    from medsam2.cli.segment_command import check_picture_name
    from medsam2.cli.wording import collected_notes
    from medsam2.complete_file import complete_file
    from medsam2.volume import ReadOptions, VolumeSlices, choose_axis, read_sequence

    if chosen and picture is None:
        raise InputError("--slice chooses what is drawn: give --picture FILE.png too.")
    if picture is not None:
        # matplotlib keeps those waiting who want no picture.
        load_matplotlib()
        from medsam2.cli.pictures.coordinate_picture import write_coordinate_picture

        check_picture_name(picture)
    options = ReadOptions(series, volume, skip_damaged, resample, nan, modality)
    report: dict[str, Any] = {"volumes": [], "facts": None, "picture": None}
    with collected_notes() as notes, held_destinations([picture] if picture else [], [image], overwrite):
        entries = dicom_volumes(image, options)
        report["volumes"] = volume_rows(entries)
        if picture is None:
            sequence = sequence_to_show(image, entries, options)
        else:
            sequence = read_sequence(image, options)  # or says what has to be chosen
        if sequence is not None:
            scan = sequence.volume(time or 0)
            report["facts"] = facts(scan, is_placed(image), sequence.times)
        if picture is not None:
            slices = VolumeSlices(scan, choose_axis(scan.geometry, axis))
            with complete_file(picture) as unfinished:
                write_coordinate_picture(unfinished, slices, chosen or (), is_placed(image))
            report["picture"] = str(picture)
            if report["facts"]["time_points"]["count"] > 1:
                report["time_point"] = time or 0
    typer.echo(json.dumps(report | {"notes": notes}) if as_json else _text(report))


def _text(report: dict[str, Any]) -> str:
    from medsam2.cli.info_report import describe, volume_table

    parts = []
    if report["volumes"]:
        parts.append(volume_table(report["volumes"]))
    if report["facts"] is not None:
        parts.append(describe(report["facts"]))
    elif len(report["volumes"]) > 1:
        parts.append("Add --volume N for more about one of them, and to segment it.")
    if report["picture"] is not None:
        when = f" of time point {report['time_point']}" if "time_point" in report else ""
        parts.append(f"Slices{when} to read off where to click: {report['picture']}")
    return "\n\n".join(parts)
