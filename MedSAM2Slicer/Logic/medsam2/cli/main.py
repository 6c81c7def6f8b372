"""Entry point of the command ``medsam2``: signals, errors, exit codes."""

import json
import os
import sys
import unicodedata
import warnings
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from medsam2.cli.output import OutputError, give_up_output, settle_streams
from medsam2.cli.stopping import heed_signals, stop_code, stop_line
from medsam2.errors import InputError, error_line, note_line

if TYPE_CHECKING:
    import typer


def run(command: "typer.Typer | None" = None, name: str = "medsam2", extra: str | None = None) -> None:
    """Run the command ``medsam2``, or another that is to end as it does, under its own name.

    Args:
        command: instead of ``medsam2``.
        name: of the command.
        extra: of medsam2 that installs all that it needs; if None, that goes by what is asked of it.

    Unusable input, a package that is missing, and a full disk behind standard output end it with one line on
    standard error and exit code 2, Ctrl+C and SIGTERM with one line and exit codes 130 and 143, a reader that
    went away (``| head``) with exit code 1. With --json standard output then holds an error as JSON.
    """
    heed_signals()
    warnings.showwarning = partial(_show_warning, name)
    settle_streams()
    # Processes that this one starts to cut clips must not import from the working folder either.
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    try:
        code = _exit_code(command, name, extra)
    except BaseException:
        # Whichever it is: other code may make an error of its own of what stopped it.
        code = stop_code()
        if code is None:
            raise
        _say(stop_line())
    sys.exit(code)


def _exit_code(command: "typer.Typer | None", name: str, extra: str | None) -> int | None:
    as_json = "--json" in sys.argv
    try:
        # Imported here, as a client's installation lacks what the commands need.
        from medsam2.cli.app import app, call
        from medsam2.threads import settle_threads

        settle_threads()
        try:
            # Typer's own answer to wrong options is a frame for people.
            return call(command or app, name, standalone=not as_json)
        finally:
            sys.stdout.flush()
    except InputError as error:
        return _fail(name, str(error), as_json)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("medsam2"):
            raise
        missing, extra = f"The package {error.name} is not installed", extra or sufficient_extra(sys.argv[1:])
        return _fail(name, f'{missing}: run pip install "medsam2[{extra}]" first.', as_json)
    except OutputError as error:
        give_up_output()
        return 1 if error.reader_went_away else _fail(name, str(error), as_json=False)


def sufficient_extra(words: Sequence[str]) -> str:
    """The smallest extra that installs all that a command line of ``medsam2`` needs."""
    asked, options = words[:1], {word.partition("=")[0] for word in words}
    if asked == ["info"] or (asked in (["segment"], ["batch"]) and "--server" in options):
        return "cli"
    if asked == ["train"] and "--tensorboard" in options:
        return "train"
    return "evaluate" if asked == ["evaluate"] else "backend"


def _fail(name: str, message: str, as_json: bool) -> int:
    _say(error_line(_harmless(message), name))
    if as_json:
        try:
            print(json.dumps({"error": message}), flush=True)
        except OutputError:
            give_up_output()  # what is wrong is said
    return 2


def _say(line: str) -> None:
    with suppress(OSError):
        print(line, file=sys.stderr)


def _show_warning(name: str, message: Warning | str, *_: object) -> None:
    print(note_line(_harmless(str(message)), name), file=sys.stderr)


def _harmless(message: str) -> str:
    """Without what steers a terminal: names of files, and texts in them, may be anything."""
    return "".join(letter for letter in message if letter == "\n" or unicodedata.category(letter) != "Cc")


if __name__ == "__main__":
    run()
