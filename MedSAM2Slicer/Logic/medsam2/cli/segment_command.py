"""``medsam2 segment``: prompts on an image become masks in a file."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from medsam2.errors import InputError


def segment(
    image: Annotated[Path, typer.Argument(help="DICOM folder, or a file: NIfTI, NRRD, MHA, PNG, …")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="File to write: .seg.nrrd, .nii.gz, .nii, .nrrd or .mha.")
    ],
    point: Annotated[
        list[str] | None,
        typer.Option("--point", help="Click R,A,S in mm; add ,- for background. May be repeated."),
    ] = None,
    box: Annotated[str | None, typer.Option(help="Two opposite corners on one slice: R,A,S,R,A,S.")] = None,
    mask: Annotated[
        Path | None, typer.Option(help="Labels on the image's grid; every labelled slice is a prompt.")
    ] = None,
    prompts: Annotated[Path | None, typer.Option(help="JSON file with prompts of several objects.")] = None,
    ijk: Annotated[bool, typer.Option("--ijk", help="Points and boxes are voxel indices I,J,K.")] = False,
    axis: Annotated[str, typer.Option(help="Array axis along which to track: k, j or i.")] = "k",
    slice_range: Annotated[
        str | None, typer.Option("--range", help="Only these slices along the axis, such as 10:40.")
    ] = None,
    series: Annotated[
        int | None, typer.Option(help="Number of the DICOM series, as listed where there are several.")
    ] = None,
    volume: Annotated[
        int | None, typer.Option(help="Number of the volume, as listed where there are several.")
    ] = None,
    skip_damaged: Annotated[
        bool, typer.Option("--skip-damaged", help="Leave damaged DICOM files out instead of stopping.")
    ] = False,
    resample: Annotated[
        bool, typer.Option("--resample", help="Resample DICOM slices that form no regular grid onto one.")
    ] = False,
    nan: Annotated[
        float | None, typer.Option(help="Intensity for voxels that are not a number or infinite.")
    ] = None,
    modality: Annotated[
        str | None, typer.Option(help="What made the image: CT, MR, PT, US, …; found out if not given.")
    ] = None,
    view: Annotated[str, typer.Option(help="Field of view: auto, slice, or its side in mm.")] = "auto",
    window: Annotated[
        str, typer.Option(help="auto, soft-tissue, lung, bone, brain, or LOWER:UPPER intensities.")
    ] = "auto",
    memory: Annotated[
        Literal["temporal", "self-sorting"], typer.Option(help="Which slices are remembered.")
    ] = "temporal",
    weights: Annotated[
        str | None, typer.Option(help="Name from 'medsam2 weights list', or a file; starter if not given.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, fp32 or bf16.")] = None,
    server: Annotated[
        str | None, typer.Option(help="Compute on a server, wss://HOST/session: the image is sent there.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="File with the server's token; else MEDSAM2_TOKEN is used.")
    ] = None,
    ca_file: Annotated[Path | None, typer.Option(help="PEM file to check the server's certificate.")] = None,
    preview: Annotated[Path | None, typer.Option(help="PNG with contours on the slices.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Segment objects in IMAGE from clicks, boxes or masks on single slices."""
    # Imported here, as SimpleITK would keep --help waiting.
    from medsam2.cli.backend_options import backend_client, local_backend, server_backend
    from medsam2.cli.prompt_options import objects_from_options
    from medsam2.cli.segmentation import check_destination, describe, summary, track, write_results
    from medsam2.volume import ReadOptions, Volume, VolumeSlices, check_axis, choose_window, output_format

    if server is not None and (weights or device or precision):
        raise InputError("The server chooses weights, device and precision: leave those options out.")
    output_format(output)
    check_destination(output)
    if preview is not None:
        check_picture_name(preview)
        check_destination(preview)
    options = ReadOptions(series, volume, skip_damaged, resample, nan, modality)
    scan = Volume.read(image, options)
    check_axis(scan, axis)
    slices = VolumeSlices(scan, axis, choose_window(scan, window))
    objects = objects_from_options(slices, point or [], box, mask, prompts, ijk)
    first, last = parse_range(slice_range, slices.count)
    field_of_view = parse_view(view)
    if server is None:
        backend = local_backend(weights, device, precision)
    else:
        backend = server_backend(server, token_file, ca_file)
    with backend_client(backend, "segment") as client:
        result = track(client, slices, objects, field_of_view, memory, first, last)
    write_results(output, preview, slices, objects, result)
    report = summary(slices, objects, result)
    typer.echo(json.dumps(report) if as_json else describe(report))


def check_picture_name(path: Path) -> None:
    """Refuse a preview that is not called a PNG."""
    if path.suffix.lower() != ".png":
        raise InputError(f"The preview {path.name} must be a picture: end its name with .png.")


def parse_view(text: str) -> str | float | None:
    """``slice``, millimetres, or None for ``auto``."""
    if text in ("auto", "slice"):
        return None if text == "auto" else text
    try:
        side = float(text)
    except ValueError:
        side = -1.0
    if not 0 < side < float("inf"):
        raise InputError(f"--view {text} is not auto, slice, or a side in millimetres above 0.")
    return side


def parse_range(text: str | None, count: int) -> tuple[int, int]:
    """First and last slice of ``A:B``, both included; all slices when not given."""
    if text is None:
        return 0, count - 1
    try:
        first, last = (int(part) for part in text.split(":"))
    except ValueError:
        first, last = 1, 0
    if not 0 <= first <= last < count:
        raise InputError(f"--range {text} is not A:B with 0 <= A <= B <= {count - 1}, slices of this axis.")
    return first, last
