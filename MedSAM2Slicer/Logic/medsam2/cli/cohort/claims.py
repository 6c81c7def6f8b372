"""Which process works on which case, where several share a folder: on one machine, or on many.

A claim is a file, ``.claims/CASE.1``, that only one process can create, and that its process touches while it
lives. Locks of the system are not relied on: on network file systems they may hold nobody back. A claim
counts no more once its process has ended, which on the same machine can be seen, or once it was not touched
for a while. Then another process takes the case over with ``CASE.2``, which again only one can create. Times
of different machines are never compared.
"""

import json
import os
import platform
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from medsam2.complete_file import explained_write_errors

BEAT_SECONDS = 15.0
"""Between touches."""
STALE_SECONDS = 180.0
"""Without a touch; file systems may show one a minute late."""
_SAME_START = 60.0
"""Seconds by which a process may seem to have started at another time, as the clock was set."""
_RUN = uuid.uuid4().hex
"""This process, also where an earlier one had its number: in a container that is started anew they all do."""


class ClaimLostError(Exception):
    """Another process took a case over, as this one seemed to have ended."""


class Claims:
    """The claims of one folder.

    Args:
        folder: of the cohort's results.
    """

    def __init__(self, folder: Path):
        self._folder = folder / ".claims"
        self._seen: dict[str, tuple[int, float]] = {}

    @contextmanager
    def taken(self, case: str) -> Iterator["Claim | None"]:
        """The claim on a case for the length of a block; None if another process has it.

        Raises:
            InputError: the folder cannot be written.
        """
        with explained_write_errors(self._folder):
            claim = self._take(case)
        if claim is None:
            yield None
            return
        try:
            with claim.kept():
                yield claim
        finally:
            self._let_go(claim)

    @contextmanager
    def present(self) -> Iterator[None]:
        """Say for the length of a block that this process may write into the cohort's folder.

        Raises:
            InputError: the folder cannot be written.
        """
        with self.taken(f".{_RUN}"):  # no case is called so
            yield

    def tidy(self) -> None:
        """Remove what processes left that have ended: claims, and unfinished files if nobody is present."""
        unfinished = list(self._folder.parent.rglob(".incomplete-*"))
        for path in self._folder.glob("*"):
            if self._has_ended(path):
                path.unlink(missing_ok=True)
        try:
            self._folder.rmdir()
        except OSError:  # somebody is present
            return
        # Those alone that were there before: somebody may come at any time.
        for path in unfinished:
            shutil.rmtree(path, ignore_errors=True)

    def _take(self, case: str) -> "Claim | None":
        self._folder.mkdir(exist_ok=True)
        latest = max(generations(self._folder, case), default=0)
        if latest and not self._has_ended(self._folder / f"{case}.{latest}"):
            return None
        claim = Claim(self._folder, case, latest + 1)
        try:
            with claim.path.open("x", encoding="utf-8") as file:
                holder = {"machine": _machine(), "process": os.getpid(), "started": _started(), "run": _RUN}
                json.dump(holder, file)
        except (FileExistsError, FileNotFoundError):  # another was quicker, or tidied up
            return None
        except OSError:
            with suppress(OSError):
                claim.path.unlink()
            raise
        return claim

    def _let_go(self, claim: "Claim") -> None:
        for number in sorted(generations(self._folder, claim.case)):
            if number <= claim.generation:
                (self._folder / f"{claim.case}.{number}").unlink(missing_ok=True)

    def _has_ended(self, path: Path) -> bool:
        """Whether the process of a claim has ended, as far as one can tell."""
        try:
            touched = path.stat().st_mtime_ns
        except OSError:
            return False  # let go just now, or a file system that does not say
        holder = {}
        with suppress(OSError, ValueError):  # being written, or another user's
            holder = json.loads(path.read_bytes())
        if holder.get("machine") == _machine():
            if holder["process"] == os.getpid():
                return holder["run"] != _RUN
            return not _lives(holder["process"], holder["started"])
        before, since = self._seen.get(path.name, (None, 0.0))
        if before != touched:
            self._seen[path.name] = touched, time.monotonic()
            return False
        return time.monotonic() - since > STALE_SECONDS


class Claim:
    """A case that this process works on."""

    def __init__(self, folder: Path, case: str, generation: int):
        self.case = case
        self.generation = generation
        self.path = folder / f"{case}.{generation}"
        self._folder = folder

    def check(self) -> None:
        """Raise ClaimLostError if another process has the case now."""
        if max(generations(self._folder, self.case), default=0) != self.generation:
            raise ClaimLostError

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Touch the file during the block."""
        ended = threading.Event()
        thread = threading.Thread(target=self._touch, args=(ended,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _touch(self, ended: threading.Event) -> None:
        while not ended.wait(BEAT_SECONDS):
            with suppress(OSError):  # check() finds out
                os.utime(self.path)


def generations(folder: Path, case: str) -> list[int]:
    """The numbers of the claims on a case."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:  # tidied up
        return []
    ends = (name.removeprefix(f"{case}.") for name in names if name.startswith(f"{case}."))
    return [int(end) for end in ends if end.isdecimal()]


def _machine() -> str:
    """Names a machine's running system, and within it the processes that see each other."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return f"{platform.node()} {uuid.getnode()}"


def _started() -> float:
    return psutil.Process().create_time()


def _lives(process: int, started: float) -> bool:
    try:
        found = psutil.Process(process)
        is_same = abs(found.create_time() - started) < _SAME_START
        return is_same and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
