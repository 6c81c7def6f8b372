"""What README and the other pages say works as written."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
import typer
from typer.testing import CliRunner

from e2e.conftest import ENVIRONMENT
from e2e.docs_commands import PAGES, ROOT, SLICES, Command, commands_of, put_data_set, put_scan, put_stand_ins
from kept_speed import keep_speed
from medsam2.cli.app import app
from medsam2.cli.phantom import dice, make_phantom
from medsam2_lab.cli import app as lab_app

README = ROOT / "README.md"
APPS = {"medsam2": app, "medsam2-lab": lab_app}
COMMANDS = {page.relative_to(ROOT).as_posix(): commands_of(page) for page in PAGES}


@pytest.fixture
def reader(tmp_path, monkeypatch) -> Path:
    """A folder in which a reader types what a page says."""
    put_stand_ins(tmp_path)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDSAM2_HOME", str(tmp_path / "home"))
    keep_speed({"MEDSAM2_HOME": str(tmp_path / "home")})
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path


def run(command: Command) -> None:
    """Run a command as written; medsam2 itself in this process, to save the start of another."""
    words = command.words
    if words[0] == "make":
        words = made_by(words)
    if words[0] in APPS:
        result = CliRunner().invoke(APPS[words[0]], words[1:], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        # What follows takes long on whole scans.
        if words[1] == "demo":
            put_scan(Path("demo", "phantom.nrrd"))
        if words[1] == "synthesise":
            shutil.rmtree(words[2])
            put_data_set(Path(words[2]))
        return
    shell = subprocess.run(
        ["bash", "-ec", command.text], capture_output=True, text=True, encoding="utf-8", timeout=60
    )
    assert shell.returncode == 0, shell.stderr


def made_by(words: list[str]) -> list[str]:
    """The command of medsam2 that a target of the Makefile would run at last."""
    shell = subprocess.run(
        [*words, "--dry-run", "--no-print-directory"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    assert shell.returncode == 0, shell.stderr
    last = shell.stdout.splitlines()[-1].split()
    assert last[0] == ".venv/bin/medsam2"
    return ["medsam2", *last[1:]]


def can_run(command: Command) -> bool:
    tool = command.words[0]
    return command.reason is None and (tool in (*APPS, "export", "source") or shutil.which(tool) is not None)


for_bash = pytest.mark.skipif(os.name == "nt", reason="the pages are for bash")


@for_bash
@pytest.mark.parametrize(
    "page",
    [name for name, commands in COMMANDS.items() if any(map(can_run, commands)) and name != "README.md"],
)
def test_every_command_of_a_page_runs(page, reader):
    run_page(page)


@for_bash
def test_every_command_of_the_readme_runs_and_its_prompt_file_finds_the_organs(reader):
    run_page("README.md")
    found = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage("organs.seg.nrrd"))
    labels = make_phantom().labels
    assert dice(found == 1, labels["liver"][SLICES]) > 0.93
    assert dice(found == 2, labels["aorta"][SLICES]) > 0.9


def run_page(page: str) -> None:
    for command in filter(can_run, COMMANDS[page]):
        try:
            run(command)
        except Exception as error:
            raise AssertionError(f"{page}, line {command.line}: {command.text}\n{error}") from error


def test_the_pages_have_commands_and_few_are_not_run():
    all_commands = [command for commands in COMMANDS.values() for command in commands]
    assert len(COMMANDS["README.md"]) > 10
    assert sum(command.reason is None for command in all_commands) >= 15


@pytest.mark.parametrize("page", [name for name, commands in COMMANDS.items() if commands])
def test_commands_have_options_that_exist_whether_they_are_run_or_not(page):
    for command in COMMANDS[page]:
        called = re.search(r"(?:^|/bin/)(medsam2|medsam2-lab) (.*)", command.text)
        if called:
            group = typer.main.get_command(APPS[called[1]])
            check_words(group, Command(page, command.line, called[2]).words)


def check_words(command, words: list[str]) -> None:
    """Let the command read its words, without running it."""
    context = command.make_context("medsam2", list(words))
    if hasattr(command, "resolve_command"):
        _, inner, rest = command.resolve_command(context, list(words))
        check_words(inner, rest)


def test_the_click_of_the_readme_lies_in_the_liver_of_its_scan():
    phantom = make_phantom()
    clicks = re.findall(r"phantom\.nrrd --point (\S+)", "".join(page.read_text("utf-8") for page in PAGES))
    assert len(clicks) > 3
    for click in clicks:
        kji = phantom.volume.geometry.ras_to_kji(np.array([float(part) for part in click.split(",")]))
        assert phantom.labels["liver"][tuple(np.rint(kji).astype(int))]


def test_python_example_runs(reader):
    put_scan(reader / "demo" / "phantom.nrrd", slice(0, SLICES.stop))  # it counts slices from the first
    example = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]
    ran = subprocess.run(
        [sys.executable, "-c", example], capture_output=True, text=True, encoding="utf-8", env=ENVIRONMENT
    )
    assert ran.returncode == 0, ran.stderr
    assert (reader / "from_python.seg.nrrd").stat().st_size > 0


def test_every_option_in_the_readme_exists():
    text = README.read_text(encoding="utf-8")
    used = set(re.findall(r"(?<=[\s`])--[a-z][a-z-]+", text)) - {"--help"}
    commands = ("segment", "info", "evaluate", "train", "weights import", "one-prompt", "batch")
    wide = {"COLUMNS": "200", "TERMINAL_WIDTH": "200"}
    helps = [(app, (*command.split(), "--help")) for command in commands]
    helps.append((lab_app, ("synthesise", "--help")))
    known = "".join(CliRunner().invoke(asked, words, env=wide).output for asked, words in helps)
    assert used
    assert not {option for option in used if option not in known}
