"""Entry point of the command ``medsam2``: signals, errors, exit codes."""

import io
import json
import os
import signal
import sys
import unicodedata
import warnings
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from medsam2.errors import InputError, error_line, note_line

if TYPE_CHECKING:
    import typer


def run(command: "typer.Typer | None" = None, name: str = "medsam2", extra: str | None = None) -> None:
    """Run the command ``medsam2``, or another that is to end as it does, under its own name.

    Args:
        command: instead of ``medsam2``.
        name: of the command.
        extra: of medsam2 that installs all that it needs; if None, that goes by what is asked of it.

    Unusable input, and a package that is missing, end it with one line on standard error and exit code 2,
    Ctrl+C with exit code 130. With --json standard output then holds the same as JSON.
    """
    # Typer's own answer to Ctrl+C differs between its versions; leaving this way still tidies up.
    signal.signal(signal.SIGINT, lambda number, frame: sys.exit(130))
    warnings.showwarning = partial(_show_warning, name)
    # What a terminal of another encoding cannot show must not cost the result.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    as_json = "--json" in sys.argv
    # Processes that this one starts to cut clips must not import from the working folder either.
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    try:
        # Imported here, as a client's installation lacks what the commands need.
        from medsam2.cli.app import app, call
        from medsam2.threads import settle_threads

        settle_threads()
        # Typer's own answer to wrong options is a frame for people.
        sys.exit(call(command or app, name, standalone=not as_json))
    except InputError as error:
        _fail(name, str(error), as_json)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("medsam2"):
            raise
        missing, extra = f"The package {error.name} is not installed", extra or sufficient_extra(sys.argv[1:])
        _fail(name, f'{missing}: run pip install "medsam2[{extra}]" first.', as_json)


def sufficient_extra(words: Sequence[str]) -> str:
    """The smallest extra that installs all that a command line of ``medsam2`` needs."""
    asked, options = words[:1], {word.partition("=")[0] for word in words}
    if asked == ["info"] or (asked == ["segment"] and "--server" in options):
        return "cli"
    if asked == ["train"] and "--tensorboard" in options:
        return "train"
    return "evaluate" if asked == ["evaluate"] else "backend"


def _fail(name: str, message: str, as_json: bool) -> None:
    print(error_line(_harmless(message), name), file=sys.stderr)
    if as_json:
        print(json.dumps({"error": message}))
    sys.exit(2)


def _show_warning(name: str, message: Warning | str, *_: object) -> None:
    print(note_line(_harmless(str(message)), name), file=sys.stderr)


def _harmless(message: str) -> str:
    """Without what steers a terminal: names of files, and texts in them, may be anything."""
    return "".join(letter for letter in message if letter == "\n" or unicodedata.category(letter) != "Cc")


if __name__ == "__main__":
    run()
