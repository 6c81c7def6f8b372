"""Entry point of the command ``medsam2``."""

import json
import os
import signal
import sys
import unicodedata
import warnings
from typing import Annotated

import typer
from typer.core import TyperGroup

from medsam2 import __version__
from medsam2.cli import (
    demo_command,
    evaluate_command,
    info_command,
    segment_command,
    serve_command,
    train_command,
)
from medsam2.cli.examples import examples
from medsam2.errors import InputError
from medsam2.threads import settle_threads

# Typer names only some of its errors about options; this is what they have in common.
UsageError = typer.BadParameter.__base__


class _WeightsGroup(TyperGroup):
    """The commands of ``medsam2 weights``, loaded when asked for: they import torch, which takes seconds."""

    @staticmethod
    def _loaded():
        from medsam2.cli.weights_commands import app as weights_app

        return typer.main.get_group(weights_app)

    def list_commands(self, ctx) -> list[str]:
        """Names of the commands."""
        return self._loaded().list_commands(ctx)

    def get_command(self, ctx, cmd_name: str):
        """The command of that name, or None."""
        return self._loaded().get_command(ctx, cmd_name)


app = typer.Typer(
    name="medsam2",
    help="Segment CT and MR volumes: a click on one slice becomes a mask through all of them.",
    epilog=examples("medsam2 demo", "medsam2 segment --help"),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("segment", epilog=segment_command.EXAMPLES)(segment_command.segment)
app.command("info", epilog=info_command.EXAMPLES)(info_command.info)
app.command("demo", epilog=demo_command.EXAMPLES)(demo_command.demo)
app.command("serve", epilog=serve_command.EXAMPLES)(serve_command.serve)
app.command("evaluate", epilog=evaluate_command.EXAMPLES)(evaluate_command.evaluate)
app.command("train", epilog=train_command.EXAMPLES)(train_command.train)
app.add_typer(
    typer.Typer(
        cls=_WeightsGroup,
        help="List, download, import and remove weights of the network.",
        epilog=examples("medsam2 weights list", "medsam2 weights download --help"),
        no_args_is_help=True,
        rich_markup_mode=None,
    ),
    name="weights",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"medsam2 {__version__}")
        raise typer.Exit


@app.callback()
def _about(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit."),
    ] = False,
) -> None:
    pass


def run(command: typer.Typer = app) -> None:
    """Run the command ``medsam2``, or another that is to end as it does.

    Unusable input ends it with one line on standard error and exit code 2, Ctrl+C with exit code 130. With
    --json standard output then holds the same as JSON.
    """
    # Typer's own answer to Ctrl+C differs between its versions; leaving this way still tidies up.
    signal.signal(signal.SIGINT, lambda number, frame: sys.exit(130))
    warnings.showwarning = _show_warning
    # What a terminal of another encoding cannot show must not cost the result.
    sys.stdout.reconfigure(errors="backslashreplace")
    as_json = "--json" in sys.argv
    settle_threads()
    # Processes that this one starts to cut clips must not import from the working folder either.
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    try:
        # Typer's own answer to wrong options is a frame for people.
        sys.exit(command(standalone_mode=not as_json))
    except InputError as error:
        _fail(str(error), as_json)
    except UsageError as error:
        _fail(error.format_message(), as_json)


def _fail(message: str, as_json: bool) -> None:
    print(f"medsam2: {_harmless(message)}", file=sys.stderr)
    if as_json:
        print(json.dumps({"error": message}))
    sys.exit(2)


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    print(f"medsam2: note: {_harmless(str(message))}", file=sys.stderr)


def _harmless(message: str) -> str:
    """Without what steers a terminal: names of files, and texts in them, may be anything."""
    return "".join(letter for letter in message if letter == "\n" or unicodedata.category(letter) != "Cc")


if __name__ == "__main__":
    run()
