"""All commands, with what ``medsam2`` itself takes."""

from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from medsam2 import __version__
from medsam2.cli import (
    batch_command,
    demo_command,
    evaluate_command,
    info_command,
    one_prompt_command,
    segment_command,
    serve_command,
    set_files_command,
    train_command,
)
from medsam2.cli.options import examples
from medsam2.cli.stopping import NOTHING, leaves
from medsam2.errors import InputError

# Typer names only some of its errors about options; this is what they have in common.
UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__base__)


class _WeightsGroup(TyperGroup):
    """The commands of ``medsam2 weights``, loaded when asked for: other commands start sooner without."""

    @staticmethod
    def _loaded() -> TyperGroup:
        from medsam2.cli.weights_commands import app as weights_app

        return typer.main.get_group(weights_app)

    def list_commands(self, ctx: Any) -> list[str]:
        return self._loaded().list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
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
app.command("batch", epilog=batch_command.EXAMPLES)(batch_command.batch)
app.command("info", epilog=info_command.EXAMPLES)(info_command.info)
app.command("demo", epilog=demo_command.EXAMPLES)(demo_command.demo)
app.command("one-prompt", epilog=one_prompt_command.EXAMPLES)(one_prompt_command.one_prompt)
app.command("serve", epilog=serve_command.EXAMPLES)(serve_command.serve)
app.command("evaluate", epilog=evaluate_command.EXAMPLES)(evaluate_command.evaluate)
app.command("set-files", hidden=True)(set_files_command.set_files)
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
    leaves(NOTHING)


def call(command: typer.Typer, name: str, standalone: bool) -> int | None:
    """Run a command on the words of ``sys.argv``; returns its exit code, if it has one.

    Args:
        command: ``app``, or another.
        name: what help calls it.
        standalone: Typer itself answers wrong options, with a frame for people.

    Raises:
        InputError: unusable input; wrong options too, unless ``standalone``.
    """
    try:
        return command(prog_name=name, standalone_mode=standalone)
    except UsageError as error:
        raise InputError(error.format_message()) from error
