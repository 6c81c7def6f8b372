"""``medsam2 train``: fine-tune weights on labelled scans."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medsam2.cli.options import MemoryOption, ThreadsOption, checked_cases, examples, memory_bank
from medsam2.cli.stopping import leaves
from medsam2.threads import settle_threads

if TYPE_CHECKING:
    from medsam2.training.settings import Settings
    from medsam2.training.validation import History


EXAMPLES = examples(
    "medsam2 train dataset -o run", "medsam2 train dataset -o run --weights sam2.1-tiny --steps 5000"
)


def train(
    dataset: Annotated[
        Path,
        typer.Argument(metavar="DATASET", help="Labelled scans: nnU-Net, BTCV, REFUGE, NPZ, CSV or JSON."),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder of the run; an existing one goes on.")
    ],
    weights: Annotated[
        str, typer.Option(help="Name from 'medsam2 weights list', or a file, to start from.")
    ] = "starter",
    validation: Annotated[
        Path | None, typer.Option(help="Labelled scans to score on; else a fifth of the cases is held out.")
    ] = None,
    steps: Annotated[
        int, typer.Option(help="Steps in all; a larger number than before makes a run longer.")
    ] = 1000,
    clips: Annotated[int, typer.Option(help="Clips in a batch, for each GPU.")] = 2,
    frames: Annotated[int, typer.Option(help="Slices in a clip.")] = 8,
    objects: Annotated[int, typer.Option(help="Largest number of structures in a clip.")] = 3,
    image_size: Annotated[
        int | None, typer.Option(help="Side of training images in pixels; the network's own if not given.")
    ] = None,
    rate: Annotated[float, typer.Option(help="Learning rate; the image encoder's is 0.6 of it.")] = 5e-5,
    freeze: Annotated[
        str, typer.Option(help="Parts that stay as they are, such as image_encoder,sam_prompt_encoder.")
    ] = "",
    memory: MemoryOption = "neighbours",
    checkpointing: Annotated[
        bool, typer.Option("--checkpointing", help="Encode images twice, to need less GPU memory.")
    ] = False,
    validate_every: Annotated[int, typer.Option(help="Steps between validations.")] = 100,
    patience: Annotated[
        int, typer.Option(help="Stop after so many validations without a gain; may be raised later.")
    ] = 5,
    save_every: Annotated[int, typer.Option(help="Steps between saved states.", min=1)] = 100,
    seed: Annotated[int, typer.Option(help="Of the split, the clips and the prompts.", min=0)] = 0,
    workers: Annotated[int, typer.Option(help="Processes that cut clips.", min=0)] = 2,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write curves; needs the package tensorboard.")
    ] = False,
    device: Annotated[str, typer.Option(help="Where to compute: auto, cpu, cuda or mps.")] = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Fine-tune weights on labelled scans.

    The same command again goes on where it stopped.
    """
    settle_threads(threads)
    # Imported here, as torch would keep --help waiting.
    from medsam2.training.fine_tuning import (
        CARD_FILE,
        WEIGHTS_FILE,
        FineTuning,
        RunOptions,
        Sets,
        split_cases,
    )
    from medsam2.training.ranks import joined_ranks
    from medsam2.training.settings import Settings
    from medsam2.training.training_log import require_tensorboard
    from medsam2.weights.loading import check_choices, choose_device

    settings = Settings(
        weights=weights,
        steps=steps,
        clips=clips,
        frames=frames,
        objects=objects,
        image_size=image_size,
        rate=rate,
        freeze=tuple(part for part in freeze.split(",") if part),
        memory=memory_bank(memory),
        checkpointing=checkpointing,
        validate_every=validate_every,
        patience=patience,
        seed=seed,
    )
    # Before all files are read.
    check_choices(weights, device)
    if tensorboard:
        require_tensorboard()
    cases = checked_cases(dataset)
    held_out = checked_cases(validation) if validation else None
    training, own_validation = (cases, held_out) if held_out else split_cases(cases, seed)
    sets = Sets(dataset.resolve().name, training, own_validation)
    with joined_ranks(choose_device(device)) as ranks:
        settings = replace(settings, processes=ranks.count)
        leaves(f"the same command goes on, at most {save_every} steps back")
        run = FineTuning(output, sets, settings, RunOptions(save_every, workers, tensorboard), ranks)
        run.train()
        if ranks.writes:
            typer.echo(_ending(run.history, settings))
            typer.echo(
                f"The best weights are in {output / WEIGHTS_FILE}; {CARD_FILE} beside it describes them."
            )


def _ending(history: "History", settings: "Settings") -> str:
    """All validations, why the run ended, and how it can be made longer."""

    last = max(history.scores)
    why = f"All {settings.steps} steps are done. A larger --steps goes on."
    if last < settings.steps:
        why = (
            f"Stopped at step {last} of {settings.steps}, as the last {settings.patience} validations "
            "brought no gain. A larger --patience goes on."
        )
    return f"\n{history.table()}\n\n{why}"
