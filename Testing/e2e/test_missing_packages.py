"""What the command says, and does, where packages that some of it needs are not installed."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.conftest import LOGIC, said
from unit.datasets.examples import labelmap, pair_list, scan
from unit.packaging.declared import modules

FIRST = 'is not installed: run pip install "medsam2[{}]" first.'


@pytest.fixture
def without(tmp_path: Path) -> Callable[[set[str]], tuple[str, str]]:
    """What to put in front of a command such that modules are missing there, and in what it starts."""

    def prefix(names: set[str]) -> tuple[str, str]:
        folder = tmp_path / "hiding"
        folder.mkdir()
        code = f"import sys\nsys.modules.update(dict.fromkeys({sorted(names)}))\n"
        (folder / "sitecustomize.py").write_text(code)
        return "env", "PYTHONPATH=" + os.pathsep.join([str(folder), str(LOGIC)])

    return prefix


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("--version", "backend"),
        ("info scan.nrrd", "cli"),
        ("segment scan.nrrd --server=wss://host/session -o a.nrrd", "cli"),
        ("segment scan.nrrd -o a.nrrd", "backend"),
        ("serve --local", "backend"),
        ("train set -o run", "backend"),
        ("train set -o run --tensorboard", "train"),
    ],
)
def test_a_client_s_installation_says_what_the_command_needs(medsam2, without, command, extra):
    run = medsam2(*command.split(), prefix=without(modules("backend") - modules()))
    assert run.returncode == 2
    assert run.stdout == ""
    (line,) = run.stderr.splitlines()
    assert line.startswith("medsam2: The package ")
    assert line.endswith(FIRST.format(extra))


def test_it_is_said_as_json_too(medsam2, without):
    run = medsam2("weights", "list", "--json", prefix=without({"typer"}))
    assert run.returncode == 2
    assert json.loads(run.stdout) == {"error": "The package typer " + FIRST.format("backend")}


def test_the_lab_says_what_the_lab_needs(medsam2_lab, without):
    run = medsam2_lab("train-starter", "run", prefix=without({"torch"}))
    assert run.returncode == 2
    assert said(run.stderr) == ["medsam2-lab: The package torch " + FIRST.format("train")]


@pytest.mark.parametrize("command", ["demo", "weights list"])
def test_without_torch_what_computes_here_says_so(medsam2, without, command):
    run = medsam2(*command.split(), prefix=without({"torch"}))
    assert run.returncode == 2
    assert said(run.stderr) == ["medsam2: The package torch " + FIRST.format("backend")]


def test_without_torch_labelled_scans_are_refused_before_anything_is_written(medsam2, without, tmp_path):
    names = [
        (scan(tmp_path / f"{n}.nrrd").name, labelmap(tmp_path / f"{n}_label.nrrd").name) for n in range(4)
    ]
    cases = pair_list(tmp_path, *names)
    prefix = without({"torch"})
    for command, extra in (("evaluate", "evaluate"), ("train", "backend")):
        run = medsam2(command, cases, "-o", "report", prefix=prefix)
        assert run.returncode == 2
        assert said(run.stderr) == ["medsam2: The package torch " + FIRST.format(extra)]
        assert not (tmp_path / "report").exists()


def test_the_extra_cli_segments_on_a_server(medsam2, without, server, ball, tmp_path):
    (tmp_path / "token").write_text(server.tokens["anna"])
    place = ("--server", f"ws://127.0.0.1:{server.port}/session", "--token-file", tmp_path / "token")
    click = ("--ijk", "--point", "20,24,4")
    options = (*click, "-o", tmp_path / "out.nrrd", "--preview", tmp_path / "out.png")
    run = medsam2("segment", ball, *options, *place, prefix=without(modules("backend") - modules("cli")))
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "out.nrrd").is_file()
