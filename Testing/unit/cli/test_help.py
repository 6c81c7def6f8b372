"""Every help text is for people: examples, no jargon, no more than 80 columns."""

import re
import shlex

import pytest
import typer
from typer.testing import CliRunner

from medsam2 import __version__
from medsam2.cli.app import app

WEIGHTS = ("list", "inspect", "download", "import", "remove")
COMMANDS = ("segment", "batch", "info", "demo", "one-prompt", "serve", "evaluate", "train", "weights")
FOR_PROGRAMS = ("set-files",)
"""Not shown to people."""
ALL = [(), *((name,) for name in COMMANDS), *(("weights", name) for name in WEIGHTS)]
JARGON = ("`", "array", "temporal", "tensor", "ndarray", "argparse", "pose")


def shown(*command: str) -> str:
    run = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})
    assert run.exit_code == 0, run.output
    return run.output


def test_every_command_is_known_here():
    names = set(typer.main.get_command(app).list_commands(None))
    assert names == {*COMMANDS, *FOR_PROGRAMS}
    assert not any(name in shown() for name in FOR_PROGRAMS)
    assert set(typer.main.get_command(app).get_command(None, "weights").list_commands(None)) == set(WEIGHTS)


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_help_is_for_people(command):
    text = shown(*command)
    assert max(map(len, text.splitlines())) <= 80
    assert not [word for word in JARGON if re.search(rf"\b{word}\b" if word.isalpha() else word, text)]
    assert not re.search(r"\w\.\.\.$", text, re.MULTILINE), "a summary is cut off"


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_examples_are_commands_with_options_that_exist(command):
    lines = shown(*command).split("Examples:\n")[1].splitlines()
    assert lines
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "medsam2"
        assert words[: len(command)] == list(command)
        names = [word for word in words if not word.startswith("-")]
        depth = 2 if names[0] == "weights" else 1
        known = shown(*names[:depth])
        assert not [word for word in words if word.startswith("--") and word not in known]


def test_the_version_is_told():
    assert CliRunner().invoke(app, ["--version"]).output == f"medsam2 {__version__}\n"
