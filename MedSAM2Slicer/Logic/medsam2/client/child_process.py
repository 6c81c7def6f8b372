"""A child process together with everything that it starts in turn."""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

WINDOWS = os.name == "nt"
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)
_OWN_GROUP = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
_KEPT_LINES = 50
_KILL_SECONDS = 1.0


class ChildProcess:
    """Started and watched by a thread, so that nobody waits for it.

    Its standard input stays open: the end of that tells the child that this process is gone.

    Args:
        command: program and arguments.
        environment: all its variables.
        first_line: goes to its standard input.
        log: its standard error is appended to this file.

    Attributes:
        lines: what it wrote on its standard output; the first ones.
        ended: its exit code once the whole tree has ended, or what kept it from starting; None before.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], first_line: str, log: Path):
        self.lines: list[bytes] = []
        self.ended: int | OSError | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._unwanted = False
        self._lock = threading.Lock()  # the process is neither started nor reaped while it is being killed
        arguments = (command, environment, first_line.encode() + b"\n", log)
        self._thread = threading.Thread(target=self._run, args=arguments, name="medsam2 backend", daemon=True)
        self._thread.start()

    def _run(self, command: Sequence[str], environment: Mapping[str, str], line: bytes, log: Path) -> None:
        try:
            with self._lock, log.open("ab") as errors:
                if self._unwanted:
                    return
                self._process = _start(command, environment, errors)
        except OSError as error:
            self.ended = error
            return
        # Both are pipes.
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(OSError, ValueError):  # it has ended already, as will be seen, or ``end`` was called
            self._process.stdin.write(line)
        self._watch(self._process, self._process.stdout)

    def _watch(self, process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
        # The output ends when the last process of the tree has ended.
        with output:
            for line in output:
                if len(self.lines) < _KEPT_LINES:
                    self.lines.append(line)
        with self._lock:
            self._kill()
            self.ended = process.wait()
        self._close_input()

    def dismiss(self) -> None:
        """Close its standard input, on which it ends by itself; waits for nothing."""
        with self._lock:
            self._unwanted = True
        self._close_input()

    def end(self, patience: float) -> None:
        """Close its standard input, wait ``patience`` seconds, then end the tree by force."""
        self.dismiss()
        self._thread.join(patience)
        if not self._thread.is_alive():
            return
        with self._lock:
            self._kill()
        if patience:
            self._thread.join(_KILL_SECONDS)

    def _close_input(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def _kill(self) -> None:
        process = self._process
        # After the process was reaped its number may belong to another one.
        if process is None or process.returncode is not None:
            return
        if WINDOWS:
            # By its full name, else one in the working folder would be run.
            program = Path(os.environ["SYSTEMROOT"], "System32", "taskkill.exe")
            tree = [str(program), "/PID", str(process.pid), "/T", "/F"]
            quiet = subprocess.DEVNULL
            subprocess.Popen(tree, stdout=quiet, stderr=quiet, creationflags=_NO_WINDOW)
            return
        with suppress(ProcessLookupError, PermissionError):  # nothing is left of it
            os.killpg(process.pid, signal.SIGKILL)


def _start(
    command: Sequence[str], environment: Mapping[str, str], errors: IO[bytes]
) -> subprocess.Popen[bytes]:
    """The process, first of a group of its own, and without a console window on Windows."""
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env=environment,
        bufsize=0,
        start_new_session=not WINDOWS,
        creationflags=_NO_WINDOW | _OWN_GROUP,
    )
