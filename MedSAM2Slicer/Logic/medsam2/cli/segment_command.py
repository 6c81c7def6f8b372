"""``medsam2 segment``: prompts on an image become masks in a file."""

import json
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from medsam2.cli.options import (
    AxisOption,
    CaFileOption,
    DeviceOption,
    IjkOption,
    MemoryOption,
    ModalityOption,
    NanOption,
    OrientationsOption,
    OverlapOption,
    PrecisionOption,
    ResampleOption,
    SeriesOption,
    ServerOption,
    SkipDamagedOption,
    SpeedOption,
    ThreadsOption,
    TokenFileOption,
    ViewOption,
    VolumeOption,
    WeightsOption,
    WindowOption,
    examples,
)
from medsam2.errors import InputError

EXAMPLES = examples(
    "medsam2 segment ct_folder --point L60.5,A12,I341 -o liver.seg.nrrd",
    "medsam2 segment ct_folder --prompts all.json -o all.dcm",
    "medsam2 segment ct.nii.gz --ijk --point 210,240,35 -o liver.nii.gz",
    "medsam2 segment mr.nrrd --axis sagittal --box L10,P40,S5,R2,A2,S60 -o a.mha",
    'medsam2 segment mr.nrrd --ijk --stroke "90,80,9 99,84,9" -o a.nii.gz',
    "medsam2 segment ct_folder --volume 2 --prompts all.json -o all.seg.nrrd",
    "medsam2 segment heart.nii.gz --time all --point L20,A30,S5 -o out.seq.nrrd",
)


def segment(
    image: Annotated[
        Path, typer.Argument(metavar="IMAGE", help="DICOM folder, or a file: NIfTI, NRRD, MHA, PNG, …")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="File to write: .seg.nrrd, .nii.gz, .nii, .nrrd, .mha, .dcm or .rtstruct.dcm.",
        ),
    ],
    point: Annotated[
        list[str] | None,
        typer.Option(
            "--point",
            help="Click R,A,S in mm, or as in L60.5,A12,I341; add ,- for background. May be repeated.",
        ),
    ] = None,
    box: Annotated[
        str | None, typer.Option(help="Two opposite corners R,A,S,R,A,S, also through several slices.")
    ] = None,
    stroke: Annotated[
        list[str] | None,
        typer.Option(
            "--stroke",
            help="Line along the object on one slice: positions like --point's, with spaces between. "
            "May be repeated.",
        ),
    ] = None,
    lasso: Annotated[
        list[str] | None,
        typer.Option(
            "--lasso", help="Line round the object on one slice, likewise; closed by itself. May be repeated."
        ),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(help="Segmentation or labels to go on from; every labelled slice is a prompt."),
    ] = None,
    prompts: Annotated[Path | None, typer.Option(help="JSON file with prompts of several objects.")] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the object of points, box and lines; Segment_1 if not given.")
    ] = None,
    ijk: IjkOption = False,
    axis: AxisOption = "auto",
    slice_range: Annotated[
        str | None, typer.Option("--range", help="Only these slices along the axis, such as 10:40.")
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", help="Time point of an image that has several, from 0, or all.")
    ] = None,
    prompt_time: Annotated[
        int | None,
        typer.Option(min=0, help="With --time all: the time point that the prompts are for; 0 if not given."),
    ] = None,
    series: SeriesOption = None,
    volume: VolumeOption = None,
    skip_damaged: SkipDamagedOption = False,
    resample: ResampleOption = False,
    nan: NanOption = None,
    modality: ModalityOption = None,
    view: ViewOption = "auto",
    window: WindowOption = "auto",
    memory: MemoryOption = "neighbours",
    orientations: OrientationsOption = 1,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = None,
    speed: SpeedOption = "exact",
    threads: ThreadsOption = None,
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    preview: Annotated[Path | None, typer.Option(help="PNG with contours on the slices.")] = None,
    overlap: OverlapOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON, errors too.")] = False,
) -> None:
    """Segment objects from clicks, boxes, lines or masks."""
    # Imported here, as SimpleITK would keep --help waiting.
    from medsam2.cli.backend_options import WhereToCompute, starting_client, wait_until_ready
    from medsam2.cli.destinations import check_free, held_destinations
    from medsam2.cli.prompt_options import PromptOptions, check_prompt_options, objects_from_options
    from medsam2.cli.results import Outputs, describe
    from medsam2.cli.segmenting import (
        SegmentOptions,
        note_doubtful_prompts,
        open_image,
        read_scene,
        track_scene,
        weights_used,
        write_scene,
    )
    from medsam2.cli.time_choice import TimeChoice
    from medsam2.cli.time_results import (
        TimeOutputs,
        check_time_names,
        describe_in_time,
        time_summary,
        write_time_results,
    )
    from medsam2.cli.time_tracking import slices_at, track_in_time
    from medsam2.cli.wording import collected_notes
    from medsam2.volume import ReadOptions, label_names_file, output_format

    compute = WhereToCompute(weights, device, precision, speed, threads, server, token_file, ca_file)
    output_format(output)
    if preview is not None:
        check_picture_name(preview)
    outputs = Outputs(output, preview, overlap)
    chosen = TimeChoice.parsed(time, prompt_time)
    check_time_names(outputs, chosen.is_all)
    reading = ReadOptions(series, volume, skip_damaged, resample, nan, modality)
    options = SegmentOptions(image, reading, chosen, axis, slice_range, view, window, memory, orientations)
    read = [path for path in (image, mask, prompts, token_file, ca_file) if path is not None]
    read += [Path(weights)] if weights is not None else []
    read += [label_names_file(mask)] if mask is not None else []
    with collected_notes() as notes, ExitStack() as held:
        files = [] if chosen.is_all else outputs.files  # how many they are, the image tells
        held.enter_context(held_destinations(files, read, overwrite))
        prompted = PromptOptions(point or [], box, stroke or [], lasso or [], mask, prompts, name, ijk)
        check_prompt_options(prompted)
        backend = compute.backend()
        sequence, time_point = open_image(options)
        over_time = TimeOutputs(outputs, sequence.times)
        if chosen.is_all:
            files = over_time.files
            held.enter_context(held_destinations(files, read, overwrite))
        objects_of = partial(objects_from_options, options=prompted)
        # The backend starts while the voxels are read; both take seconds.
        with starting_client(backend, "segment") as client:
            scene = read_scene(options, sequence, time_point, outputs, objects_of)
            slices, objects = scene.slices, scene.objects
            wait_until_ready(client, backend)
            used = (
                weights_used(client.ready.weights, weights, server is not None) if outputs.is_dicom else None
            )
            if chosen.is_all:
                found = track_in_time(client, sequence, slices, objects, time_point, scene.tracking)
            else:
                result = track_scene(client, scene)
        check_free(files, overwrite)
        if chosen.is_all:
            write_time_results(over_time, found, partial(slices_at, sequence, like=slices), used)
            results = time_summary(sequence.times, time_point, slices, found)
        else:
            results = write_scene(outputs, scene, result, used)
        note_doubtful_prompts(scene)
    report = {
        "output": str(output),
        "preview": None if preview is None else str(preview),
        **results,
        "notes": notes,
    }
    if as_json:
        typer.echo(json.dumps(report))
    else:
        typer.echo(describe_in_time(report) if chosen.is_all else describe(report))


def check_picture_name(path: Path) -> None:
    """Refuse a picture that is not called a PNG."""
    if path.suffix.lower() != ".png":
        raise InputError(f"The picture {path.name} would be a PNG: end its name with .png.")
