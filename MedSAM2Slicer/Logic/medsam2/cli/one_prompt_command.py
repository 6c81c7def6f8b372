"""``medsam2 one-prompt``: one annotated image drives the segmentation of many."""

import json
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medsam2.cli.options import ThreadsOption, examples
from medsam2.cli.output import echo_json
from medsam2.cli.set_files_command import write_set_files
from medsam2.cli.stopping import leaves
from medsam2.errors import InputError, note
from medsam2.shortcuts import SPEEDS, Speed
from medsam2.threads import settle_threads

if TYPE_CHECKING:
    from medsam2.cli.progress import Stages
    from medsam2.image_sets.run_review import RunReview
    from medsam2.image_sets.set_folder import SetFolder
    from medsam2.model.segmentation_network import SegmentationNetwork

EXAMPLES = examples(
    "medsam2 one-prompt photos -o set --template photos/1.png --point 210,240",
    'medsam2 one-prompt "scans/**/*.png" -o set --template a.png --mask m.png',
    "medsam2 one-prompt -o set --template photos/7.png --point 90,88,-",
    "medsam2 one-prompt -o set --accept 3 --accept 4 --reject 5 --absent 6",
)


def one_prompt(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder of the set: new, empty, or of an earlier run.")
    ],
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGES", help="Pictures, DICOM images, folders of them, or patterns in quotes."
        ),
    ] = None,
    list_file: Annotated[
        Path | None, typer.Option("--list", help="Text file with the path of an image on each line.")
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(help="Image that the prompts are on: path, or name in the set; also to correct it."),
    ] = None,
    point: Annotated[
        list[str] | None,
        typer.Option("--point", help="Click X,Y in pixels; add ,- for background. May be repeated."),
    ] = None,
    box: Annotated[str | None, typer.Option(help="Two opposite corners X,Y,X,Y.")] = None,
    stroke: Annotated[
        list[str] | None,
        typer.Option("--stroke", help='Line along the object, "X,Y X,Y"; ,- at the end for background.'),
    ] = None,
    lasso: Annotated[
        list[str] | None, typer.Option("--lasso", help="Line round the object, likewise.")
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(help="Picture of the template's size: the object in one colour on black.")
    ] = None,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", help="Name of an image whose mask is right.")
    ] = None,
    reject: Annotated[
        list[str] | None, typer.Option("--reject", help="Name of an image whose mask is wrong.")
    ] = None,
    absent: Annotated[
        list[str] | None, typer.Option("--absent", help="Name of an image without the object.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="Name from 'medsam2 weights list', or a file; at first starter.")
    ] = None,
    renew: Annotated[
        bool, typer.Option("--renew", help="Replace what other weights proposed; decisions stay.")
    ] = False,
    device: Annotated[str, typer.Option(help="Where to compute: auto, cpu, cuda or mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="Numbers to compute with: auto, fp32 or bf16.")] = "auto",
    speed: Annotated[
        Speed | None, typer.Option(help="exact, or fast for nearly the same masks sooner; at first exact.")
    ] = None,
    threads: ThreadsOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print progress and summary as lines of JSON, errors too.")
    ] = False,
) -> None:
    """Segment an object in many pictures: show it on one.

    Each call goes on where the last one ended. The folder of the set holds the masks, results.csv and contact
    sheets, the most doubtful first.
    """
    # Imported here, as these keep --help waiting.
    from medsam2.cli.decisions import Decisions
    from medsam2.cli.destinations import HeldElsewhere, held_destinations
    from medsam2.cli.drawn_template import DrawnTemplate
    from medsam2.cli.prompt_options import PromptOptions
    from medsam2.image_sets.finding import find_images
    from medsam2.image_sets.run_review import RunReview
    from medsam2.image_sets.set_folder import SetFolder
    from medsam2.weights.choices import check_device_word, check_precision

    check_device_word(device)
    check_precision(precision)
    prompts = PromptOptions(point or [], box, stroke or [], lasso or [], mask, ijk=True)
    drawn = DrawnTemplate.of(template, prompts)
    decisions = Decisions({"--accept": accept, "--reject": reject, "--absent": absent})
    found = find_images(images or [], list_file, output)
    folder = SetFolder(output)
    with ExitStack() as held:
        known = held.enter_context(RunReview(output)) if folder.exists else None
        if known is None and drawn is None:
            raise InputError(f"{output} is no set yet: show the object on one image, with --template.")
        path = None if drawn is None else drawn.path(known)
        prompt = None if drawn is None or path is None else drawn.prompt(path)
        if known is None and prompt is not None and not prompt.shows_object:
            raise InputError("All prompts are background: add a point on the object, or a box round it.")
        review = known or held.enter_context(RunReview(output))
        leaves("what was decided and proposed is kept, and the same command goes on from there")
        with review.together():
            review.add(found)
            if path is not None and prompt is not None:
                (name,) = review.add([path])
                decisions.refuse_on(name)
                review.set_prompt(name, prompt)
            decisions.take_down(review)
        decisions.tell()
        only_decides = bool(decisions) and not (found or drawn)
        try:
            held.enter_context(held_destinations([folder.results], [], overwrite=True))
        except HeldElsewhere:
            if not only_decides:
                raise
            note(f"Another run works on {output}: it will bring masks and tables up to date.")
            return
        choice = WeightsChoice(weights, renew, device, precision, speed)
        settle_threads(threads)
        summary = _brought_up_to_date(folder, review, choice, only_decides, as_json)
    typer.echo(json.dumps(summary) if as_json else _described(summary))
    if summary["failed"]:
        raise typer.Exit(1)


@dataclass(frozen=True)
class WeightsChoice:
    """Which network is to answer, and whether it may replace what another one proposed."""

    weights: str | None
    renew: bool
    device: str
    precision: str
    speed: Speed | None

    def load(self, review: "RunReview") -> "tuple[SegmentationNetwork, str]":
        """The network, and what tells its answers from others'; as of the set where nothing is said.

        Raises:
            InputError: the set has proposals of other weights or speed, which may not be replaced.
        """
        import pooch

        from medsam2.image_sets.image_record import State
        from medsam2.weights.loading import load_model
        from medsam2.weights.store import locate

        used = review.weights()
        name = self.weights or (used[0] if used else "starter")
        speed = self.speed or (used[2] if used else "exact")
        checksum = pooch.file_hash(str(locate(name).path))
        if used and used[1:] != (checksum, speed) and review.counts()[State.PROPOSED] and not self.renew:
            other_weights = f"the weights {used[0]}, not {name}: take those"
            other_speed = f"--speed {used[2]}, not {speed}: take that"
            what = other_weights if used[1] != checksum else other_speed
            raise InputError(
                f"The proposals of this set were made with {what}, or replace all proposals with --renew."
            )
        network = load_model(name, self.device, self.precision, SPEEDS[speed])
        review.use_weights(os.path.abspath(name) if os.path.isfile(name) else name, checksum, speed)
        return network, f"{checksum} {speed}"


def _brought_up_to_date(
    folder: "SetFolder", review: "RunReview", choice: WeightsChoice, only_decides: bool, as_json: bool
) -> dict[str, Any]:
    """Compute what is to be computed, write all files, and sum up."""
    from medsam2.cli.progress import stages
    from medsam2.image_sets.exports import prepare
    from medsam2.image_sets.running import SetRun

    prepare(folder)
    answered, failed = 0, {}
    with stages() as progress:
        if not only_decides:
            progress.begin("Loading the network")
            network, maker = choice.load(review)
            run = SetRun(folder, review, network, maker, _Progress(progress, as_json))
            run.compute()
            answered, failed = run.answered, run.failed
        progress.begin("Writing masks and tables")
        sheets, kept = write_set_files(folder, review)
    _note_kept(folder, kept)
    return {
        "output": str(folder.path),
        "states": {state.value: count for state, count in review.counts().items()},
        "answered": answered,
        "nothing_found": review.nothing_found(),
        "failed": failed,
        "kept_masks": kept,
        "contact_sheets": [sheet.name for sheet in sheets],
    }


def _note_kept(folder: "SetFolder", kept: Sequence[str]) -> None:
    """Tell of masks that another program changed."""
    if kept:
        path = folder.mask(kept[0])
        what = f"{path} was" if len(kept) == 1 else f"{path} and {len(kept) - 1} more masks of the set were"
        note(
            f"{what} changed by another program, and kept: take such a mask into the set with "
            f"--template '{kept[0]}' --mask '{path}', or move it away."
        )


class _Progress:
    """Tells how many images are done: a bar, or lines of JSON for programs."""

    def __init__(self, progress: "Stages", as_json: bool):
        self._progress, self._as_json, self._begun = progress, as_json, False

    def __call__(self, done: int, of: int, name: str) -> None:
        if self._as_json:
            echo_json(done=done, of=of, name=name)
        if not self._begun:
            self._progress.begin("Segmenting", of, "images")
            self._begun = True
        self._progress.reach(done)


def _described(summary: dict[str, Any]) -> str:
    """The summary for people."""
    states = ", ".join(f"{count} {state}" for state, count in summary["states"].items() if count)
    lines = [f"{summary['answered']} images were answered; now {states}."]
    if nothing := summary["nothing_found"]:
        lines.append(
            f"In {nothing} of the proposed nothing was found: if the object is there, show it on one of them "
            "too, with --template."
        )
    lines += [f"{name} was left out: {reason}" for name, reason in summary["failed"].items()]
    sheet = summary["contact_sheets"][0]
    lines.append(f"Masks, results.csv and {sheet} lie in {summary['output']}; the most doubtful come first.")
    return "\n".join(lines)
