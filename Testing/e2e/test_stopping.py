"""Ctrl+C, SIGTERM, and a standard output that takes nothing: one line at most, and nothing half-done."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from e2e.conftest import ENVIRONMENT, said
from kept_speed import keep_speed
from unit.training.examples import THIN, write_set

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals")

# What a person does who stops the command at the end of the first call of a function.
STOPPED = """
import os, sys
from importlib import import_module
module, name, number = sys.argv[1:4]
holder = import_module(module)
*owners, name = name.split(".")
for owner in owners:
    holder = getattr(holder, owner)
original = getattr(holder, name)
def stopped(*arguments, **options):
    original(*arguments, **options)
    os.kill(os.getpid(), int(number))
    raise AssertionError("not stopped")
setattr(holder, name, stopped)
sys.argv[1:] = sys.argv[4:]
from medsam2.cli.main import run
run()
"""
SECONDS = 120
NOTHING, NOBODY = "nothing was written", "nobody was served yet"
TRACKING = "medsam2.client:BlockingClient.open_volume"
TRAIN = ["--steps", "3", "--image-size", "128", "--frames", "2", "--clips", "1", "--workers", "1"]
TRAIN += ["--save-every", "2"]
CLICK = "--ijk --point 20,24,4"
UNPRINTED = "The answer cannot be printed (No space left on device): send standard output somewhere else."


def stopped(tmp_path, where: str, number: int, *arguments) -> tuple[int, str]:
    """Exit code, and the last line on standard error, of a command that is stopped at a function."""
    command = [sys.executable, "-c", STOPPED, *where.split(":"), str(int(number)), *map(str, arguments)]
    run = subprocess.run(
        command,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**ENVIRONMENT, "MEDSAM2_HOME": str(tmp_path / "home")},
        cwd=tmp_path,
        timeout=SECONDS,
    )
    return run.returncode, said(run.stderr)[-1]


@pytest.mark.parametrize(
    ("where", "command", "left", "number"),
    [
        ("medsam2.cli.backend_options:local_backend", "demo", NOTHING, signal.SIGINT),
        (TRACKING, "demo", NOTHING, signal.SIGINT),
        (TRACKING, f"segment ball.nrrd {CLICK} -o a.nrrd", NOTHING, signal.SIGTERM),
        ("medsam2.evaluation.report:Report.add", "evaluate SET -o out --split train", NOTHING, signal.SIGINT),
        ("medsam2.weights.loading:load_model", "serve --tokens tokens.txt", NOBODY, signal.SIGTERM),
        (
            "medsam2.weights.download:made_weights_folder",
            "weights download sam2.1-tiny --accept-licence --json",
            "the same command goes on where it stopped",
            signal.SIGINT,
        ),
    ],
)
def test_a_stopped_command_says_what_it_leaves_and_leaves_nothing_half_done(
    tmp_path, ball, where, command, left, number
):
    cases = write_set(tmp_path / "set", range(2), THIN)
    (tmp_path / "tokens.txt").write_text(f"anna {'a' * 40}\n")
    (tmp_path / "tokens.txt").chmod(0o600)
    before = {path.name for path in tmp_path.iterdir()}
    words = [cases if word == "SET" else word for word in command.split()]
    code, line = stopped(tmp_path, where, number, *words)
    assert line.endswith(f"Stopped: {left}.")
    assert code == 128 + number
    assert {path.name for path in tmp_path.iterdir()} - {"home"} == before


def test_training_that_was_stopped_goes_on_with_the_same_command(tmp_path, medsam2):
    cases = write_set(tmp_path / "set", range(2), THIN)
    command = ["train", cases, "-o", "run", *TRAIN, "--workers", "0"]
    code, line = stopped(tmp_path, "medsam2.training.run:Run.train_step", signal.SIGINT, *command)
    assert (code, line) == (130, "Stopped: the same command goes on, at most 2 steps back.")
    assert not list(tmp_path.rglob(".incomplete*"))
    run = medsam2(*command)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_as_of_a_terminal_or_timeout_leaves_no_process(tmp_path, number):
    cases = str(write_set(tmp_path / "set", range(2), THIN))
    process = subprocess.Popen(
        [sys.executable, "-m", "medsam2.cli.main", "train", cases, "-o", "run", *TRAIN, "--steps", "1000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        cwd=tmp_path,
        start_new_session=True,
    )
    while b"s for each step" not in process.stdout.readline():
        assert process.poll() is None
    children = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, number)
    os.killpg(process.pid, number)
    _, errors = process.communicate(timeout=SECONDS)
    assert said(errors.decode()) == ["Stopped: the same command goes on, at most 2 steps back."]
    assert process.returncode == 128 + number
    assert not psutil.wait_procs(children, timeout=10)[1]


@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.parametrize("command", ["--help", "weights list", "weights list --json", "info absent --json"])
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_an_answer_that_cannot_be_printed_is_no_success(tmp_path, command, buffered):
    environment = {**ENVIRONMENT, "PYTHONUNBUFFERED": buffered, "MEDSAM2_HOME": str(tmp_path / "home")}
    keep_speed(environment)
    with open("/dev/full", "w") as full:
        run = subprocess.run(
            [sys.executable, "-m", "medsam2.cli.main", *command.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=tmp_path,
        )
    assert run.returncode == 2
    (line,) = run.stderr.splitlines()
    assert "absent does not exist" in line or line == f"medsam2: {UNPRINTED}"


@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.parametrize("command", ["--help", "weights list --json"])
def test_a_reader_that_went_away_is_told_nothing(tmp_path, command, buffered):
    environment = {**ENVIRONMENT, "PYTHONUNBUFFERED": buffered, "MEDSAM2_HOME": str(tmp_path / "home")}
    keep_speed(environment)
    process = subprocess.Popen(
        [sys.executable, "-m", "medsam2.cli.main", *command.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(SECONDS) == 1
