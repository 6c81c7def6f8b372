"""The command ``medsam2-lab``; what it does is imported when asked for: torch would keep --help waiting."""

import math
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from medsam2.cli.main import run as run_command
from medsam2_lab import result_tables

Weights = Annotated[str, typer.Option(help="Name from 'medsam2 weights list', or a file.")]
Cases = Annotated[
    Path | None, typer.Option(help="Folder of the real cases; synthetic scans alone if not given.")
]
CasesFolder = Annotated[Path, typer.Argument(metavar="CASES", help="Folder of the real cases.")]
Scans = Annotated[int, typer.Option(min=1, help="How many synthetic scans.")]
Log = Annotated[
    Path, typer.Option(help="File of what is computed; what it holds already is not computed again.")
]
Record = Annotated[
    bool, typer.Option("--record", help="Keep the numbers in docs/results, and show them on the pages.")
]


class Modality(str, Enum):
    """What the scans imitate."""

    CT = "CT"
    MR = "MR"
    US = "US"


class Protocol(str, Enum):
    """How a structure is prompted."""

    CLICK = "click"
    BOX = "box"
    CORRECTIONS = "corrections"


app = typer.Typer(
    name="medsam2-lab",
    help="Make the starter weights, and measure what decided how tracking works.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def network_work() -> None:
    """Count what each network computes for a slice, for the estimates of 'medsam2 weights list'."""
    from medsam2_lab.network_work import write_table

    write_table()


@app.command()
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
    from medsam2_lab.synthetic.dataset import write_dataset

    write_dataset(folder, count, [kind.value for kind in modality or Modality], seed)
    typer.echo(f"{count} scans with labels in {folder}")


@app.command()
def train_starter(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run; an existing one goes on.")],
    workers: Annotated[int, typer.Option(min=0, help="Processes that make clips.")] = 2,
    until: Annotated[
        int | None, typer.Option(help="Stop at this step; at the last one if not given.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="starter.safetensors from which a new run goes on.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Stop at the first saved state after so long.")
    ] = None,
) -> None:
    """Train the starter weights on synthetic body parts.

    The run folder holds the newest state, from which the same command goes on, and starter.safetensors, the
    weights as fp16. Runs on a GPU where there is one, else on the CPU.
    """
    from medsam2_lab.starter.training import TOTAL_STEPS, train

    train(run, workers, until or TOTAL_STEPS, weights, math.inf if minutes is None else minutes)


@app.command()
def average_weights(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="File to write.")],
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="starter.safetensors of several steps.")
    ],
) -> None:
    """Average starter weights."""
    from medsam2_lab.starter import averaging

    averaging.average_weights(files, output)


@app.command()
def real_cases(
    cases: CasesFolder,
    weights: Weights = "starter",
    protocol: Annotated[
        list[Protocol] | None, typer.Option(help="May be repeated; all of them if not.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for a report of each protocol.")
    ] = None,
    record: Record = False,
) -> None:
    """Scores of every protocol on the structures of the real cases."""
    if record and protocol:
        raise typer.BadParameter("--record keeps all protocols: leave out --protocol")
    from medsam2_lab.experiments.real_cases import score_real_cases

    _show(score_real_cases(cases, weights, [one.value for one in protocol or Protocol], output), record)


@app.command()
def ablation(
    cases: Cases = None,
    weights: Weights = "starter",
    scans: Scans = 8,
    structures: Annotated[int, typer.Option(min=1, help="Most structures of each synthetic scan.")] = 6,
) -> None:
    """Take the self-sorting memory apart, as table 3 of the paper does."""
    from medsam2_lab.experiments import ablation

    ablation.ablation(weights, scans, structures, cases)


@app.command()
def confident_memories(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="File of what was measured; again: goes on.")],
    cases: Cases = None,
    weights: Weights = "starter",
    scans: Scans = 9,
    record: Record = False,
) -> None:
    """Memories of confident slices alone, and several pathways, beside SAM 2's memory."""
    from medsam2_lab.experiments import confident_memories

    _show(confident_memories.confident_memories(log, weights, scans, cases), record)


@app.command()
def image_sets(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="File of runs; an existing one goes on.")],
    weights: Weights = "starter",
    sets: Annotated[int, typer.Option(min=1, help="Structures, a set for each.")] = 40,
    images: Annotated[int, typer.Option(min=4, help="Images of each set, the template aside.")] = 24,
    repeats: Annotated[int, typer.Option(min=1, max=5, help="Templates and orders of each set.")] = 1,
    anywhere: Annotated[
        bool, typer.Option("--anywhere", help="Objects far from where the template has them, too.")
    ] = False,
    record: Record = False,
) -> None:
    """Which memory helps on shuffled images without order."""
    from medsam2_lab.experiments import image_sets

    _show(image_sets.image_sets(log, weights, sets, images, repeats, anywhere), record)


@app.command()
def colour_sets(sets: Annotated[int, typer.Option(min=2)] = 6, record: Record = False) -> None:
    """Dice on images in which colour alone tells the object, for each way to show colour to the network."""
    from medsam2_lab.experiments import colour_sets

    _show(colour_sets.colour_sets(sets), record)


@app.command()
def background_and_doubt(
    cases: Cases = None, weights: Weights = "starter", scans: Scans = 12, record: Record = False
) -> None:
    """What a background point elsewhere does to a click, and which slices doubt finds."""
    from medsam2_lab.experiments import background_and_doubt

    _show(background_and_doubt.background_and_doubt(weights, scans, cases), record)


@app.command()
def box_through_slices(cases: CasesFolder, scans: Scans = 8, record: Record = False) -> None:
    """Dice of a box on the middle slice, on three, or on each."""
    from medsam2_lab.experiments import box_through_slices

    _show(box_through_slices.box_through_slices(cases, scans), record)


@app.command()
def drawn_lines(cases: Cases = None, scans: Scans = 10, record: Record = False) -> None:
    """Dice of strokes and lassos beside clicks and boxes, and of a stroke as few or many points."""
    from medsam2_lab.experiments import drawn_lines

    _show(drawn_lines.drawn_lines(scans, cases), record)


@app.command()
def slice_walk(
    cases: Cases = None,
    scans: Scans = 8,
    log: Log = Path("slice_walk.jsonl"),
    record: Record = False,
) -> None:
    """Dice of walking from slice to slice without memories, in several ways, beside tracking."""
    from medsam2_lab.experiments import slice_walk

    _show(slice_walk.slice_walk(scans, cases, log), record)


@app.command()
def shortcuts(
    cases: Cases = None,
    scans: Scans = 8,
    log: Log = Path("shortcuts.jsonl"),
    weights: Weights = "starter",
    record: Record = False,
) -> None:
    """Dice of masks with each shortcut of fast computing, with those of exact computing."""
    from medsam2_lab.experiments import shortcuts

    _show(shortcuts.shortcuts(scans, cases, log, weights), record)


@app.command()
def orientations(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="File of rows; an existing one goes on.")],
    cases: Cases = None,
    weights: Weights = "starter",
    scans: Scans = 34,
    record: Record = False,
) -> None:
    """Dice of three and six orientations, and which slices their disagreement finds. Takes hours."""
    from medsam2_lab.experiments import orientations

    _show(orientations.orientations(log, weights, scans, cases), record)


@app.command()
def carried_in_time() -> None:
    """Dice at the time points of a phantom that moves, for each way to carry objects through them."""
    from medsam2_lab.experiments import carried_in_time

    carried_in_time.run()


@app.command()
def tables() -> None:
    """Write the tables of the pages anew, from the numbers in docs/results."""
    result_tables.write_pages()


def _show(found: dict[str, result_tables.ResultTable], record: bool) -> None:
    result_tables.show(found, record)
    if record:
        result_tables.write_pages()


@app.command()
def device_speed(
    weights: Weights = "starter",
    device: Annotated[str, typer.Option(help="Where to compute: auto, cpu, cuda or mps.")] = "auto",
    rounds: Annotated[int, typer.Option(min=1, help="Tracks that are timed, after one that is not.")] = 5,
) -> None:
    """Seconds of a first click and of each tracked slice of the demo's volume."""
    from medsam2_lab.experiments import device_speed

    device_speed.device_speed(weights, device, rounds)


def run() -> None:
    """Run the command; it ends as ``medsam2`` does."""
    run_command(app, "medsam2-lab", extra="train")


if __name__ == "__main__":
    run()
