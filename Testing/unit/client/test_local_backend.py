"""The life of a backend's process, played by small programs."""

import os
import stat
import sys
import time
from pathlib import Path

import pytest

from medsam2.client import LocalBackend
from medsam2.client.backend import Ended, Listening, Starting
from medsam2.client.child_process import ChildProcess
from medsam2.client.local_backend import child_environment

SECONDS = 20.0
posix = pytest.mark.skipif(os.name != "posix", reason="The programs are shell scripts.")

PLAYED = """
import json, os, subprocess, sys, time
token = sys.stdin.readline().strip()
{middle}
print("a library says hello", flush=True)
print(json.dumps({{"port": 4321}}), flush=True)
{end}
"""
UNTIL_INPUT_ENDS = "sys.stdin.read()"
FOREVER = "time.sleep(1000)"


def wait_for(condition) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie that nobody has reaped yet still has a number.
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def log_of(backend: LocalBackend) -> Path:
    """The file that its help names."""
    return Path(backend.help.removeprefix("The backend's log is ").removesuffix("."))


@pytest.fixture
def played(tmp_path):
    """A backend whose interpreter is a launcher: a shell script that starts a Python program."""
    backends = []

    def make(middle: str = "", end: str = UNTIL_INPUT_ENDS, **options) -> LocalBackend:
        program, launcher = tmp_path / "program.py", tmp_path / "launcher"
        program.write_text(PLAYED.format(middle=middle, end=end))
        launcher.write_text(f'#!/bin/sh\n"{sys.executable}" "{program}" "$@"\ncode=$?\nexit $code\n')
        launcher.chmod(launcher.stat().st_mode | stat.S_IXUSR)
        backends.append(LocalBackend(str(launcher), **options))
        return backends[-1]

    yield make
    for backend in backends:
        backend.stop()


@posix
def test_it_listens_when_its_program_says_so(played, tmp_path):
    backend = played(
        f"open(r'{tmp_path}/seen', 'w').write(token + ' '.join(sys.argv))", weights="tiny", speed="fast"
    )
    assert backend.state == Starting()
    backend.start()
    wait_for(lambda: backend.state != Starting())
    assert backend.state == Listening("ws://127.0.0.1:4321/session")
    seen = (tmp_path / "seen").read_text()
    assert seen.startswith(backend.token)
    assert backend.token not in seen.removeprefix(backend.token)
    assert "serve --local --weights tiny --device auto --precision auto --speed fast" in seen


@posix
def test_stopping_closes_its_input_and_removes_the_private_log(played):
    backend = played("print('working', file=sys.stderr)")
    backend.start()
    wait_for(lambda: backend.state != Starting())
    log = log_of(backend)
    assert log.stat().st_mode & 0o077 == 0
    assert backend.log_tail() == "working\n"
    started = time.monotonic()
    backend.stop(patience=SECONDS)
    assert time.monotonic() - started < SECONDS
    assert not log.exists()


@posix
def test_a_program_that_does_not_end_is_ended_with_all_it_started(played, tmp_path):
    pids = tmp_path / "pids"
    start = "other = subprocess.Popen(['sleep', '1000'])"
    backend = played(f"{start}; open(r'{pids}', 'w').write(f'{{os.getpid()}} {{other.pid}}')", FOREVER)
    backend.start()
    wait_for(lambda: backend.state != Starting())
    program, other = map(int, pids.read_text().split())
    backend.stop(patience=0.1)
    wait_for(lambda: not is_running(program) and not is_running(other))


@posix
def test_starting_again_ends_what_is_left(played, tmp_path):
    backend = played(f"open(r'{tmp_path}/pids', 'a').write(f'{{os.getpid()}} ')", FOREVER)
    backend.start()
    wait_for(lambda: backend.state != Starting())
    backend.start()
    wait_for(lambda: backend.state != Starting())
    first, second = map(int, (tmp_path / "pids").read_text().split())
    wait_for(lambda: not is_running(first))
    assert is_running(second)


@posix
def test_a_start_that_fails_says_why(played, tmp_path):
    complaint = "print('medsam2: There are no weights called x.', file=sys.stderr); sys.exit(2)"
    log = tmp_path / "log"
    log.write_text("medsam2: an older failure\n")
    backend = played(complaint, log_path=log)
    backend.start()
    wait_for(lambda: isinstance(backend.state, Ended))
    assert backend.state == Ended("There are no weights called x.", "", lasting=True)
    backend.stop()
    assert log.read_text() == "medsam2: an older failure\nmedsam2: There are no weights called x.\n"


@posix
def test_an_end_without_a_word_points_to_the_log(played):
    backend = played("sys.exit(3)")
    backend.start()
    wait_for(lambda: isinstance(backend.state, Ended))
    assert "exit code 3" in backend.state.reason
    assert backend.state.hint == backend.help
    log = log_of(backend)
    backend.stop(keep_log=True)
    assert log.exists()
    log.unlink()


@posix
@pytest.mark.parametrize(
    ("middle", "reason"),
    [
        (
            "import no_such_module",
            "The backend broke off: ModuleNotFoundError: No module named 'no_such_module'.",
        ),
        ("raise OSError('The disk is full.')", "The backend broke off: OSError: The disk is full."),
        (
            "raise RuntimeError('CUDA\\nof two lines')",
            "The backend broke off: RuntimeError: CUDA of two lines.",
        ),
        (
            "os.kill(os.getpid(), 9)",
            "The backend was ended by the system, perhaps as memory ran out (signal 9).",
        ),
        ("os.kill(os.getpid(), 11)", "The backend was ended by the system (signal 11)."),
        (
            "print('medsam2: note: slow', file=sys.stderr); sys.exit(4)",
            "The backend's process ended unexpectedly (exit code 4).",
        ),
    ],
)
def test_an_end_by_a_fault_says_which(played, middle, reason):
    backend = played(middle)
    backend.start()
    wait_for(lambda: isinstance(backend.state, Ended))
    assert backend.state.reason == reason
    backend.stop()


@posix
def test_a_process_that_was_dismissed_ends_by_itself_and_nobody_waits(played, tmp_path):
    backend = played(f"open(r'{tmp_path}/pid', 'w').write(str(os.getpid()))", UNTIL_INPUT_ENDS)
    backend.start()
    wait_for(lambda: backend.state != Starting())
    backend.dismiss()
    wait_for(lambda: isinstance(backend.state, Ended))
    assert not is_running(int((tmp_path / "pid").read_text()))
    log = log_of(backend)
    backend.stop(patience=0)
    assert not log.exists()


@posix
def test_a_crash_after_the_start_may_be_mended(played):
    backend = played(end="os.kill(os.getpid(), 9)")
    backend.start()
    wait_for(lambda: isinstance(backend.state, Ended))
    assert not backend.state.lasting


def test_no_such_interpreter():
    backend = LocalBackend("no-such-python")
    backend.start()
    wait_for(lambda: isinstance(backend.state, Ended))
    assert "no-such-python" in backend.state.reason
    assert backend.state.lasting
    backend.stop()


def test_the_log_s_folder_is_missing(tmp_path):
    backend = LocalBackend(log_path=tmp_path / "none" / "log")
    backend.start()
    wait_for(lambda: isinstance(backend.state, Ended))
    assert "none" in backend.state.reason
    backend.stop()


def test_the_child_finds_this_package_and_keeps_this_python_s_variables(monkeypatch):
    elsewhere = os.path.abspath("elsewhere")
    monkeypatch.setenv("PYTHONPATH", elsewhere)
    monkeypatch.setenv("PYTHONHOME", "home")
    environment = child_environment(sys.executable)
    package, other = environment["PYTHONPATH"].split(os.pathsep)
    assert (Path(package) / "medsam2" / "client" / "__init__.py").is_file()
    assert (other, environment["PYTHONHOME"]) == (elsewhere, "home")


def test_another_interpreter_does_not_get_this_one_s_libraries(monkeypatch):
    for name in ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH"):
        monkeypatch.setenv(name, "slicer")
    monkeypatch.setenv("PATH", "programs")
    environment = child_environment("/usr/bin/another-python")
    assert "slicer" not in environment.values()
    assert environment["PATH"] == "programs"
    assert (Path(environment["PYTHONPATH"]) / "medsam2").is_dir()


def test_a_child_that_is_not_wanted_any_more_is_not_left_behind(tmp_path):
    child = ChildProcess(
        [sys.executable, "-c", f"import time; {FOREVER}"], dict(os.environ), "", tmp_path / "log"
    )
    child.end(patience=0)
    child.end(patience=SECONDS)
    assert not child._thread.is_alive()
