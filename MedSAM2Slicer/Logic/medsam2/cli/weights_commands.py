"""``medsam2 weights``: list, inspect, download, import and remove weights of the network."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import pooch
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from medsam2.cli.options import examples
from medsam2.cli.output import echo_json
from medsam2.cli.stopping import leaves
from medsam2.cli.weights_list import echo_list, slow_note, weights_rows
from medsam2.cli.wording import megabytes
from medsam2.errors import InputError
from medsam2.weights.catalogue import CatalogueEntry, find_entry
from medsam2.weights.importing import import_weights
from medsam2.weights.recognition import SeveralFamiliesError
from medsam2.weights.store import StoredWeights, disk_use, find_stored, locate, remove, weights_folder

app = typer.Typer(
    help="List, inspect, download, import and remove weights of the network.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the weights, as 'list' shows it.")]
REPORT_SECONDS = 0.2
"""Between two reports of progress to a machine."""


@app.command("list", epilog=examples("medsam2 weights list", "medsam2 weights list --json"))
def list_weights(
    device: Annotated[str, typer.Option(help="Where to compute: auto, cpu, cuda or mps.")] = "auto",
    as_json: JsonOption = False,
) -> None:
    """Show all weights, the quickest on this computer first.

    How quick this computer is, is measured once, within seconds.
    """
    rows = weights_rows(device)
    if as_json:
        echo_json(folder=str(weights_folder()), disk_bytes=disk_use(), weights=rows)
        return
    echo_list(rows)


@app.command(
    "inspect", epilog=examples("medsam2 weights inspect starter", "medsam2 weights inspect my_finetuned.pt")
)
def inspect(
    name_or_file: Annotated[
        str, typer.Argument(metavar="NAME_OR_FILE", help="Name of installed weights, or a checkpoint file.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Show which network weights hold, and whether they fill it."""
    # Imported here, as torch keeps those waiting who only list weights.
    from medsam2.model.config import network_config
    from medsam2.weights.checkpoint import read_checkpoint
    from medsam2.weights.matching import match_report

    weights = locate(name_or_file)
    checkpoint = read_checkpoint(weights.path, weights.preset, dtype=None)
    report = match_report(checkpoint.tensors, network_config(checkpoint.preset, checkpoint.family))
    facts = {
        "name": weights.name,
        "path": str(weights.path),
        "family": checkpoint.family,
        "preset": checkpoint.preset,
        "parameters": sum(tensor.numel() for tensor in checkpoint.tensors.values()),
        "dtype": checkpoint.stored_dtype,
        "complete": report.complete,
        "matched": len(report.matched),
        "missing": report.missing,
        "unexpected": report.unexpected,
        "wrong_shape": report.wrong_shape,
        "not_finite": report.not_finite,
        "sha256": pooch.file_hash(str(weights.path)),
    }
    if as_json:
        echo_json(**facts)
        return
    for fact, value in facts.items():
        text = (
            _some_names(value) if isinstance(value, tuple) else f"{value:,}" if type(value) is int else value
        )
        typer.echo(f"{fact.replace('_', ' '):>12}  {text}")


def _some_names(names: tuple[str, ...]) -> str:
    # Names of a foreign file: control characters would go to the terminal.
    shown = ", ".join(ascii(name)[1:-1] for name in names[:3]) + (", …" if len(names) > 3 else "")
    return f"{len(names)}  ({shown})" if names else "0"


@app.command("download", epilog=examples("medsam2 weights download sam2.1-tiny"))
def download_weights(
    name: NameArgument,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Agree to the licence shown, without being asked.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Download weights of the list, after showing their licence.

    An interrupted download goes on with the same command.

    With --json, lines {"done": …, "total": …} count the bytes, and the last line has "installed".
    """
    entry = find_entry(name)
    if entry.url is None or find_stored(name):
        _echo_installed(locate(name), as_json, " already")
        return
    _agree(entry, accept_licence)
    from medsam2.weights.download import download

    leaves("the same command goes on where it stopped")
    with _json_progress() if as_json else _progress_bar(entry) as progress:
        weights = download(entry, progress)
    _echo_installed(weights, as_json)


@contextmanager
def _progress_bar(entry: CatalogueEntry) -> Iterator[Callable[[int, int | None], None]]:
    columns = (TextColumn(entry.name), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(entry.name, total=entry.size_bytes)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _json_progress() -> Iterator[Callable[[int, int | None], None]]:
    reported = -REPORT_SECONDS

    def report(done: int, total: int | None) -> None:
        nonlocal reported
        if done == total or time.monotonic() - reported >= REPORT_SECONDS:
            reported = time.monotonic()
            echo_json(done=done, total=total)

    yield report


def _agree(entry: CatalogueEntry, accepted: bool) -> None:
    """Show what the licence says; go on only with a yes.

    Raises:
        InputError: nobody agreed.
    """
    about = "" if entry.size_is_exact else "about "
    typer.echo(f"{entry.title}, {about}{megabytes(entry.size_bytes)} from {entry.url}", err=True)
    typer.echo(f"Licence of {entry.publisher}: {entry.licence}. {entry.licence_note}", err=True)
    if note := slow_note(entry.name, weights_rows()):
        typer.echo(note, err=True)
    if entry.sha256 is None:
        typer.echo(
            "No checksum of this file is known: this first download is trusted, and its checksum is "
            "recorded and checked at every use.",
            err=True,
        )
    if accepted:
        return
    if not _on_terminal():
        raise InputError(
            f"Nobody can be asked here to agree to the licence of '{entry.name}'; add --accept-licence."
        )
    if not typer.confirm("Do you agree to this licence, and download?", err=True):
        raise InputError(f"The licence was not agreed to, and '{entry.name}' was not downloaded.")


def _on_terminal() -> bool:
    return sys.stdin.isatty()


@app.command("import", epilog=examples("medsam2 weights import my_finetuned.pt --name mine"))
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Checkpoint file: .pt, .pth or .safetensors.")],
    name: Annotated[str, typer.Option(help="How to call the weights.")],
    preset: Annotated[
        str | None, typer.Option(help="Network it holds, where the file cannot tell, such as tiny_512.")
    ] = None,
    family: Annotated[
        str | None, typer.Option(help="Family it is of, where the file cannot tell: sam or medsam.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Keep a copy of a weights file under a name.

    The name is one of your own or of the list. Of a file with more in it than the network, such as an
    optimiser, the network alone is kept.

    With --json, a file that may be of several families is answered with {"families": […]} before the error.
    """
    try:
        weights = import_weights(file, name, preset, family)
    except SeveralFamiliesError as error:
        if as_json:
            echo_json(families=error.families)
        if as_json or not _on_terminal():
            raise
        typer.echo(f"'{file.name}' fits several networks, which prepare images differently.", err=True)
        family = typer.prompt(f"Which is it: {' or '.join(error.families)}?", err=True, prompt_suffix=" ")
        weights = import_weights(file, name, preset, family)
    _echo_installed(weights, as_json)


@app.command("remove", epilog=examples("medsam2 weights remove mine"))
def remove_weights(name: NameArgument, as_json: JsonOption = False) -> None:
    """Delete downloaded or imported weights from the disk."""
    freed = remove(name)
    if as_json:
        echo_json(removed=name, freed_bytes=freed)
        return
    typer.echo(f"The weights '{name}' are removed; {megabytes(freed)} freed.")


def _echo_installed(weights: StoredWeights, as_json: bool, already: str = "") -> None:
    if as_json:
        echo_json(installed=weights.name, path=str(weights.path), size_bytes=weights.size_bytes)
        return
    typer.echo(f"The weights '{weights.name}' are installed{already}: {weights.path}")
