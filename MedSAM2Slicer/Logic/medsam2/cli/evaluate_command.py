"""``medsam2 evaluate``: how good masks are on an annotated dataset."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from medsam2.cli.options import (
    OrientationsOption,
    SpeedOption,
    ThreadsOption,
    checked_cases,
    checked_orientations,
    examples,
)
from medsam2.cli.stopping import held_back
from medsam2.plain_matplotlib import load_matplotlib
from medsam2.shortcuts import SPEEDS
from medsam2.threads import settle_threads

if TYPE_CHECKING:
    from medsam2.evaluation.report import Report
    from medsam2.evaluation.scores import Summary


EXAMPLES = examples(
    "medsam2 evaluate dataset -o report",
    "medsam2 evaluate dataset -o report --protocol box --structure liver",
    "medsam2 evaluate dataset -o report --weights mine --baseline starter",
)


def evaluate(
    dataset: Annotated[
        Path,
        typer.Argument(
            metavar="DATASET",
            help="Folder (nnU-Net, Decathlon, BTCV, REFUGE, NPZ) or list of cases (.csv, .json).",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write: the report.")],
    protocol: Annotated[
        Literal["click", "box", "boxes", "stroke", "lasso", "corrections", "one-prompt"],
        typer.Option(help="Prompts, put where the truth says that a person would."),
    ] = "click",
    clicks: Annotated[int, typer.Option(min=1, help="Corrective clicks, for 'corrections'.")] = 5,
    split: Annotated[
        Literal["train", "test"], typer.Option(help="Part of the dataset, if it has parts.")
    ] = "test",
    structure: Annotated[
        list[str] | None, typer.Option("--structure", help="Only this structure. May be repeated.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many cases, the first ones.")] = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Also the metric of the released MedSAM-2, to compare.")
    ] = False,
    orientations: OrientationsOption = 1,
    weights: Annotated[str, typer.Option(help="Name from 'medsam2 weights list', or a file.")] = "starter",
    baseline: Annotated[
        str | None, typer.Option(help="Other weights, compared case by case: name or file.")
    ] = None,
    device: Annotated[str, typer.Option(help="Where to compute: auto, cpu, cuda or mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="Numbers to compute with: auto, fp32 or bf16.")] = "auto",
    speed: SpeedOption = "exact",
    threads: ThreadsOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier report.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Measure how good masks are on labelled scans.

    Prompts are put where a person would; the report has Dice, surface Dice and distances.
    """
    from medsam2.evaluation.output_folder import check_output_folder

    ways = checked_orientations(orientations)
    check_output_folder(output, overwrite)
    settle_threads(threads)
    load_matplotlib()
    # Importing torch takes seconds, but reading all files may take minutes: what is wrong here is told first.
    from medsam2.cli.progress import stages
    from medsam2.evaluation.evaluating import Settings
    from medsam2.evaluation.evaluating import evaluate as findings
    from medsam2.evaluation.metrics import require_monai
    from medsam2.evaluation.report import Report, comparison_table
    from medsam2.weights.loading import check_choices, load_chooser, load_model

    for each in (weights, *([baseline] if baseline else [])):
        check_choices(each, device, precision)
    require_monai()  # which takes seconds more
    cases = checked_cases(dataset, split, limit)
    network = load_model(weights, device, precision, SPEEDS[speed])
    settings = Settings(protocol, clicks, tuple(structure or ()), lenient, ways)
    about = {"dataset": dataset.resolve().name, "weights": Path(weights).name}
    about |= {"baseline": Path(baseline).name} if baseline else {}
    report = Report(settings, about | {"device": str(network.device), "speed": speed})
    with stages() as progress:
        progress.begin("Evaluating", len(cases), "cases")
        for finding in findings(network, cases, settings, load_chooser(network, precision), progress.advance):
            report.add(finding)
        if baseline:
            other = load_model(baseline, str(network.device), precision, SPEEDS[speed])
            progress.begin("The baseline", len(cases), "cases")
            for finding in findings(other, cases, settings, load_chooser(other, precision), progress.advance):
                report.add_baseline(finding)
    with held_back():
        report.write(output)
    if as_json:
        typer.echo(json.dumps(report.as_json()["summary"]))
        return
    typer.echo(describe(report))
    if comparison := report.comparison():
        typer.echo(f"\n{comparison_table(comparison, report.about)}")
    typer.echo(f"The report, with pictures of the worst cases, is {output / 'report.md'}.")


def describe(report: "Report") -> str:
    """The means as a table: over all, then for each structure."""
    from medsam2.evaluation.scores import by_structure, last_scores, rounded

    summary = report.summary()
    rows = {"all": summary, **by_structure(last_scores(report.scores))}
    longest = max(len(name) for name in ("structure", *rows))
    lines = [f"{'structure':{longest}}  masks   Dice    NSD     HD95"]
    for name, means in rows.items():
        hd95 = rounded(means.hd95, 1) + (" mm" if means.hd95 is not None else "")
        numbers = f"{means.count:>5}  {rounded(means.dice):>5}  {rounded(means.nsd):>5}  {hd95:>7}"
        lines.append(f"{name:{longest}}  {numbers}")
    return "\n".join([*lines, "", *_explained(summary)])


def _explained(summary: "Summary") -> list[str]:
    """What the columns mean, and what is not in them."""
    from medsam2.evaluation.metrics import TOLERANCE_MM

    lines = [
        "Dice: overlap with the truth, 1 is perfect. "
        f"NSD: share of the surface within {TOLERANCE_MM:g} mm of the true one.",
        "HD95: distance between the surfaces that 95 % of them keep.",
    ]
    if summary.without_hd95:
        lines.append(f"{summary.without_hd95} masks have no HD95, as the mask or the truth is empty.")
    if summary.both_empty:
        lines.append(f"{summary.both_empty} masks are left out, as the mask and the truth are both empty.")
    return [*lines, f"{summary.seconds_per_slice:.2g} s for each slice."]
