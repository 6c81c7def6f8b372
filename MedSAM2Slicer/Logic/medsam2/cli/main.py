"""Entry point of the command ``medsam2``."""

import sys
import warnings

import typer

from medsam2.cli import demo_command, segment_command, weights_commands
from medsam2.errors import InputError

app = typer.Typer(
    name="medsam2",
    help="Segment CT and MR volumes: a click on one slice becomes a mask through all of them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("segment")(segment_command.segment)
app.command("demo")(demo_command.demo)
app.add_typer(weights_commands.app, name="weights")


def run() -> None:
    """Run the command; unusable input ends it with one line on standard error and exit code 2."""
    warnings.showwarning = _show_warning
    try:
        app()
    except InputError as error:
        print(f"medsam2: {error}", file=sys.stderr)
        sys.exit(2)


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    print(f"medsam2: note: {message}", file=sys.stderr)


if __name__ == "__main__":
    run()
