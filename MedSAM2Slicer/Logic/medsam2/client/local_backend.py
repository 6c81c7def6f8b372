"""A backend on this computer, in a process of its own that lives as long as its client."""

import json
import os
import secrets
import signal
import sys
import tempfile
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import medsam2
from medsam2.errors import last_error

from .backend import BackendState, Ended, Listening, Starting
from .child_process import ChildProcess

START_SECONDS = 180.0
"""For the process to get ready: a first start reads gigabytes of libraries from a cold disk."""
FEATURE_MIB = 256
"""Image features in its memory: further ones go to a temporary file."""
TAIL_BYTES = 2**14
CAUSE_LETTERS = 300
"""Of what is said of a fault; the log has all of it."""
TRACEBACK = "Traceback (most recent call last):"
OTHER_PYTHONS = (
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONEXECUTABLE",
    "PYTHONNOUSERSITE",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FRAMEWORK_PATH",
)
"""Variables by which one Python's libraries, such as those of Slicer, get into another."""
SEARCH_PATHS = ("PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FRAMEWORK_PATH")
PROGRAM = """import sys
sys.path[:] = filter(None, sys.path)
sys.argv[0] = "medsam2"
from medsam2.cli.main import run
run()"""
"""``medsam2``, but without the working folder among the places for imports, where ``python -m`` puts it.

That may be a folder of downloaded images, with a ``typer.py`` among them. ``python -P`` does the same, but
only from 3.11 on.
"""


class LocalBackend:
    """Starts ``medsam2 serve --local``.

    Args:
        interpreter: the Python that has torch; may be a launcher, such as Slicer's PythonSlicer.
        weights: name or file of the network's weights.
        device: auto, cpu, cuda or mps.
        precision: auto, fp32 or bf16.
        speed: exact or fast.
        threads: processor cores to compute on; all when None.
        log_path: file that the process' log is appended to; a private temporary one when None.
    """

    remote = False
    waits: tuple[float, ...] = (0.1, 1.0)

    def __init__(
        self,
        interpreter: str = sys.executable,
        weights: str = "starter",
        device: str = "auto",
        precision: str = "auto",
        log_path: str | Path | None = None,
        threads: int | None = None,
        speed: str = "exact",
    ):
        options = ["--weights", str(weights), "--device", device, "--precision", precision]
        options += ["--speed", speed, "--max-features", str(FEATURE_MIB)]
        if threads is not None:
            options += ["--threads", str(threads)]
        self.token = secrets.token_urlsafe(32)
        self._interpreter = str(interpreter)
        self._command = child_command(self._interpreter, "serve", "--local", *options)
        self._log_is_private = log_path is None
        self._log = None if log_path is None else Path(log_path)
        self._log_start = 0
        self._child: ChildProcess | None = None
        self._deadline = 0.0

    @property
    def help(self) -> str:
        """Where the log is."""
        return f"The backend's log is {self._log}." if self._log is not None else ""

    def start(self) -> None:
        """Start the process; one that is left of an earlier start is ended."""
        if self._child is not None:
            self._child.end(patience=0)
        if self._log is None:
            handle, name = tempfile.mkstemp(prefix="medsam2-backend-", suffix=".log")
            os.close(handle)
            self._log = Path(name)
        with suppress(OSError):  # it does not exist yet
            self._log_start = self._log.stat().st_size
        self._deadline = time.monotonic() + START_SECONDS
        environment = child_environment(self._interpreter)
        self._child = ChildProcess(self._command, environment, self.token, self._log)

    @property
    def state(self) -> BackendState:
        """What the process is doing."""
        if self._child is None:
            return Starting()
        port = next(filter(None, map(_port, self._child.lines)), None)
        if self._child.ended is not None:
            return self._end(self._child.ended, was_listening=port is not None)
        if port is not None:
            return Listening(f"ws://127.0.0.1:{port}/session")
        if time.monotonic() > self._deadline:
            return Ended(f"The backend was not ready after {START_SECONDS:g} s.", self.help, lasting=True)
        return Starting()

    def _end(self, ended: int | OSError, was_listening: bool) -> Ended:
        if isinstance(ended, OSError):
            return Ended(f"The backend cannot be started: {ended.strerror} ({ended.filename}).", "", True)
        log = self._read_log(self._log_start)
        if error := last_error(log):
            return Ended(error, "", not was_listening)
        return Ended(_cause(ended, log.splitlines()), self.help, not was_listening)

    def dismiss(self) -> None:
        """Ask the process to end; ``stop`` must follow."""
        if self._child is not None:
            self._child.dismiss()

    def stop(self, patience: float = 0.5, keep_log: bool = False) -> None:
        """End the process and all that it started."""
        if self._child is not None:
            self._child.end(patience)
            self._child = None
        if self._log is not None and self._log_is_private and not keep_log:
            with suppress(OSError):  # on Windows a process that was not waited for still holds it
                self._log.unlink(missing_ok=True)
            self._log = None

    def log_tail(self) -> str:
        """The end of the log, for people."""
        return self._read_log(0)

    def _read_log(self, start: int) -> str:
        if self._log is None or not self._log.exists():
            return ""
        with self._log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(start, size - TAIL_BYTES))
            return file.read().decode("utf-8", "replace")


def child_command(interpreter: str, *arguments: str) -> tuple[str, ...]:
    """A command line that runs ``medsam2``, for use with ``child_environment``."""
    return interpreter, "-c", PROGRAM, *arguments


def child_environment(interpreter: str) -> dict[str, str]:
    """This process' variables, such that the child finds this very package and runs nothing of its folder.

    Those by which this Python's libraries would get into another one are left out, and so are search paths
    that depend on the working folder, which an empty one does too.
    """
    environment = dict(os.environ, PYTHONIOENCODING="utf-8", PYTHONSAFEPATH="1")
    if os.path.abspath(interpreter) != os.path.abspath(sys.executable):
        for name in OTHER_PYTHONS:
            environment.pop(name, None)
    for name in SEARCH_PATHS:
        if name in environment:
            kept = filter(os.path.isabs, environment.pop(name).split(os.pathsep))
            if joined := os.pathsep.join(kept):
                environment[name] = joined
    package = Path(medsam2.__file__).resolve().parents[1]
    paths = [str(package), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environment


def _cause(code: int, lines: list[str]) -> str:
    """Why the process ended that wrote these lines, in one sentence."""
    # A launcher hands on the signal that ended its program as a shell does.
    number = -code if code < 0 else code - 128
    if 0 < number < 32 and os.name == "posix":
        memory = ", perhaps as memory ran out" if number == signal.SIGKILL else ""
        return f"The backend was ended by the system{memory} (signal {number})."
    if TRACEBACK in lines:
        last = len(lines) - lines[::-1].index(TRACEBACK)
        error = " ".join(line for line in lines[last:] if line and not line.startswith(" "))
        return (
            f"The backend broke off: {textwrap.shorten(error, CAUSE_LETTERS, placeholder='…').rstrip('.')}."
        )
    return f"The backend's process ended unexpectedly (exit code {code})."


def _port(line: bytes) -> int | None:
    """The port in the line that says so; libraries may print others."""
    with suppress(ValueError, TypeError, KeyError):
        return int(json.loads(line)["port"])
    return None
