"""``medsam2 batch``: a list of volumes with prompts becomes a folder of segmentations and a report."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from medsam2.cli.options import (
    AxisOption,
    CaFileOption,
    DeviceOption,
    IjkOption,
    MemoryOption,
    ModalityOption,
    OrientationsOption,
    OverlapOption,
    PrecisionOption,
    ResampleOption,
    ServerOption,
    SkipDamagedOption,
    SpeedOption,
    ThreadsOption,
    TokenFileOption,
    ViewOption,
    WeightsOption,
    WindowOption,
    examples,
)
from medsam2.cli.stopping import leaves
from medsam2.errors import InputError

EXAMPLES = examples(
    "medsam2 batch cases.csv -o results",
    "medsam2 batch cases.csv -o results --format nii.gz --window lung",
    "medsam2 batch scans.csv -o results --template a.nrrd --template-mask m.nrrd",
    "medsam2 batch cases.csv -o results --shard 1/4",
    "medsam2 batch cases.csv -o results --ray auto",
)


def batch(
    cases: Annotated[
        Path,
        typer.Argument(
            metavar="CASES",
            help="CSV, a line for each case; its columns are options of 'medsam2 segment': image, point, …",
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder to write: masks, pictures, the report.")
    ],
    format: Annotated[
        str,
        typer.Option(help="Of the masks: seg.nrrd, nii.gz, nii, nrrd, mha, dcm or rtstruct.dcm."),
    ] = "seg.nrrd",
    template: Annotated[
        Path | None,
        typer.Option(help="Volume whose structures lie where those of cases without prompts do, in mm."),
    ] = None,
    template_mask: Annotated[
        Path | None, typer.Option(help="Segmentation or labels of the template.")
    ] = None,
    template_prompt: Annotated[
        Literal["box", "slice"] | None,
        typer.Option(help="What of each structure is a prompt: its whole box, or that of its middle slice."),
    ] = None,
    ijk: IjkOption = False,
    axis: AxisOption = "auto",
    skip_damaged: SkipDamagedOption = False,
    resample: ResampleOption = False,
    modality: ModalityOption = None,
    view: ViewOption = "auto",
    window: WindowOption = "auto",
    memory: MemoryOption = "neighbours",
    orientations: OrientationsOption = 1,
    overlap: OverlapOption = None,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = None,
    speed: SpeedOption = "exact",
    threads: ThreadsOption = None,
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    shard: Annotated[
        str | None,
        typer.Option(help="i/n: begin with the i-th of n parts. Processes with one folder share all cases."),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Work on a Ray cluster: auto, HOST:PORT or ray://HOST:PORT; one case a GPU.",
        ),
    ] = None,
    cpus_per_worker: Annotated[
        int | None,
        typer.Option(min=1, help="With --ray and without GPUs: processors for one case; else 4."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Do finished cases again, and replace files that exist.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON, errors too.")] = False,
) -> None:
    """Segment a list of volumes, each with prompts of its own.

    Finished cases are skipped, and one that fails does not stop the rest; exit code 1 says that some failed.
    """
    # Imported here, as SimpleITK would keep --help waiting.
    from medsam2.cli.backend_options import WhereToCompute
    from medsam2.cli.cohort.case import Case
    from medsam2.cli.cohort.case_list import read_rows
    from medsam2.cli.cohort.cells import check_defaults
    from medsam2.cli.cohort.checks import check_folder
    from medsam2.cli.cohort.report import PAGE, write_report
    from medsam2.cli.cohort.results_table import results_of
    from medsam2.cli.cohort.template import Template, read_structures
    from medsam2.cli.cohort.working import Clients, Shard, Worker, begun_run

    compute = WhereToCompute(weights, device, precision, speed, threads, server, token_file, ca_file)
    compute.backend()
    turn = Shard(shard)
    if ray is not None and (shard is not None or server is not None):
        raise InputError("A Ray cluster shares out the cases and computes: leave out --shard and --server.")
    ending = _ending(format)
    defaults = {
        "ijk": "yes" if ijk else None,
        "axis": _given(axis, "auto"),
        "skip-damaged": "yes" if skip_damaged else None,
        "resample": "yes" if resample else None,
        "modality": modality,
        "view": _given(view, "auto"),
        "window": _given(window, "auto"),
        "memory": _given(memory, "neighbours"),
        "orientations": _given(str(orientations), "1"),
        "overlap": overlap,
    }
    cells = {option: text for option, text in defaults.items() if text is not None}
    check_defaults(cells)
    if (template is None) != (template_mask is None):
        raise InputError("A template is a volume and its mask: give --template and --template-mask.")
    if template_prompt is not None and template is None:
        raise InputError("--template-prompt is of a template: give --template and --template-mask, too.")
    if cpus_per_worker is not None and ray is None:
        raise InputError("--cpus-per-worker is for a Ray cluster: give --ray, too, or leave it out.")
    rule = None
    if template is not None and template_mask is not None:
        rule = Template(template.absolute(), template_mask.absolute(), template_prompt or "box")
        read_structures(rule)
    rows = read_rows(cases)
    _make(output)
    base, used = cases.parent.absolute(), None if server is not None else _absolute(weights or "starter")
    cohort = [
        Case(row.name, {**cells, **row.cells}, base, output.absolute(), ending, used, speed, rule)
        for row in rows
    ]
    others = [path for path in (token_file, ca_file) if path is not None]
    check_folder(cohort, [cases, *others, *([Path(weights)] if weights else [])], overwrite)
    run = begun_run(cohort, overwrite)
    leaves("finished cases are kept, and the same command goes on with the others")
    if ray is not None:
        from medsam2.cli.cohort.ray_cluster import work_on_cluster

        work_on_cluster(ray, cpus_per_worker or 4, compute, cohort, run, lambda: write_report(cohort))
    else:
        clients = Clients(compute.backend)
        try:
            Worker(turn.ordered(cohort), clients, run, lambda: write_report(cohort)).run()
        finally:
            clients.close()
    results = results_of(cohort)
    failed = [result for result in results if result.state == "failed"]
    if as_json:
        typer.echo(json.dumps({"report": str(output / PAGE), "cases": [asdict(each) for each in results]}))
    else:
        for result in failed:
            typer.echo(f"{result.name} failed: {result.reason}")
        typer.echo(f"{len(results) - len(failed)} of {len(cohort)} cases are done, {len(failed)} failed.")
        typer.echo(f"The report, with pictures, is {output / PAGE}.")
    if failed:
        raise typer.Exit(1)


def _ending(format: str) -> str:
    """The end of the masks' names."""
    from medsam2.volume import OUTPUT_FORMATS

    ending = f".{format.removeprefix('.')}"
    if ending not in OUTPUT_FORMATS:
        known = ", ".join(each.removeprefix(".") for each in OUTPUT_FORMATS)
        raise InputError(f"--format {format} is no known format: give one of {known}.")
    return ending


def _given(text: str, otherwise: str) -> str | None:
    """An option's text; None where it says what counts without it, so that it is no part of a case."""
    return None if text == otherwise else text


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be made ({error.strerror}): choose another with -o."
        ) from error


def _absolute(weights: str) -> str:
    """Weights by their name, or by a file's path that holds in any folder."""
    return str(Path(weights).absolute()) if Path(weights).is_file() else weights
