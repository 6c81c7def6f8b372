"""The command ``medsam2`` in the backend's Python: Slicer's own process has no torch, and must not wait."""

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import qt
from slicer.i18n import tr as _

from . import Machine

POLL_MILLISECONDS = 100
TAIL_CHARACTERS = 4000
MOMENT = 0.01
"""Seconds that a command has to end by itself."""

_underWay: list["BackgroundCommand"] = []


def endCommands() -> None:
    """End what runs and remove its logs; waits for that, as there may be no timer any more."""
    while _underWay:
        _underWay[0].end()


class BackgroundCommand:
    """One run of the command; it starts at once, and a timer looks at it.

    Args:
        arguments: such as ``("weights", "list", "--json")``.
        onAnswer: called with each object that the command prints as a line of JSON.
        onFinished: called once at the end, with one sentence on what went wrong, or an empty text.

    Attributes:
        log: what it wrote for people, once it has ended.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        onAnswer: Callable[[dict], None],
        onFinished: Callable[[str], None],
    ):
        # Imported here: what they need is installed by the time that a command can run.
        from medsam2.client.child_process import ChildProcess
        from medsam2.client.local_backend import child_command, child_environment

        self.log = ""
        self._onAnswer = onAnswer
        self._onFinished = onFinished
        self._cancelled = False
        handle, name = tempfile.mkstemp(prefix="medsam2-command-", suffix=".log")
        os.close(handle)
        self._logFile = Path(name)
        python = Machine.pythonProgram()
        command = child_command(python, *arguments)
        self._child = ChildProcess(command, child_environment(python), "", self._logFile)
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MILLISECONDS)
        self._timer.connect("timeout()", self._look)
        self._timer.start()
        _underWay.append(self)

    @property
    def running(self) -> bool:
        """Whether it has not been seen to end yet."""
        return self._timer.active

    def cancel(self) -> None:
        """End it now; a download goes on from there when it is asked for again."""
        self._cancelled = True
        self._child.end(patience=0)

    def end(self) -> None:
        """Likewise, but nobody is told, and nothing is left when this returns."""
        self._timer.stop()
        self._child.end(MOMENT)
        self._forget()

    def _look(self) -> None:
        ended = self._child.ended  # before the lines: the last ones come before the end
        for line in self._takeLines():
            answer = _parsed(line)
            if answer is not None and not self._cancelled:
                self._onAnswer(answer)
        if ended is not None:
            self._timer.stop()
            self._finish(ended)

    def _takeLines(self) -> list[bytes]:
        lines = self._child.lines
        taken = lines[: len(lines)]
        del lines[: len(taken)]  # not all: the thread that reads may have added more meanwhile
        return taken

    def _finish(self, ended: int | OSError) -> None:
        self.log = self._logFile.read_text(encoding="utf-8", errors="replace")[-TAIL_CHARACTERS:]
        self._forget()
        failed = ended != 0 and not self._cancelled
        self._onFinished(_reason(ended, self.log) if failed else "")

    def _forget(self) -> None:
        _underWay.remove(self)
        with suppress(OSError):  # on Windows what does not end in time still holds it
            self._logFile.unlink(missing_ok=True)


def _parsed(line: bytes) -> dict | None:
    try:
        answer = json.loads(line)
    except ValueError:  # a library's greeting
        return None
    return answer if isinstance(answer, dict) else None


def _reason(ended: int | OSError, log: str) -> str:
    if isinstance(ended, OSError):
        return _("Slicer's Python cannot be started: {reason}.").format(reason=ended.strerror)
    from medsam2.errors import last_error  # here: the panel opens without loading anything of the package

    unexpected = _("The command ended unexpectedly (exit code {code}); its log says more.")
    return last_error(log) or unexpected.format(code=ended)
