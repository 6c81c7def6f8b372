"""The lab's page says what its commands are, and which of them are run for the results."""

import re
from pathlib import Path

import typer.main

from medsam2_lab.cli import app

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "lab" / "README.md").read_text("utf-8")


def test_every_command_is_on_the_page():
    assert set(re.findall(r"medsam2-lab ([a-z-]+)", PAGE)) == set(typer.main.get_command(app).commands)


def test_the_page_tells_which_commands_the_results_are_made_with():
    made = re.findall(r"medsam2-lab ([a-z-]+)(.*)", (ROOT / "Makefile").read_text("utf-8"))
    told = re.search(r"`make results CASES=FOLDER` runs (.*?) with `--record`, and (.*?) without\.", PAGE)
    recorded, shown = ({*re.findall(r"`([a-z-]+)`", part)} for part in told.groups())
    assert recorded == {name for name, options in made if "--record" in options}
    assert shown == {name for name, options in made if "--record" not in options}
